package promql

import (
	"testing"
)

func TestParseRefusesWhatIsNoNumber(t *testing.T) {
	for text, want := range map[string]string{
		"sum(rate(x[5m])":   "not PromQL: 1:16: unclosed left parenthesis",
		"sum(\n  x\n) by y": `not PromQL: 3:6: unexpected identifier "y" in grouping opts, expected "("`,
		"foo(x)":            `not PromQL: 1:1: unknown function with name "foo"`,
		"rate(x)":           "not PromQL: 1:6: expected type range vector in call to function \"rate\", got instant vector",
		"x[5m]":             "a range vector: want an instant vector, for example by rate() or max_over_time()",
		`"x"`:               "a string: want an instant vector or a scalar",
		"# nothing":         "not PromQL: 1:1: no expression found in input",
	} {
		t.Run(text, func(t *testing.T) {
			if _, err := Parse(text); err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

func TestTellsAgeAndTimestampQuery(t *testing.T) {
	for _, c := range []struct {
		query     string
		tells     bool
		timestamp string
	}{
		{`x`, true, "max(timestamp(x))"},
		{`((x{a="b"} offset 5m)) # comment`, true, `max(timestamp(x{a="b"} offset 5m))`},
		{`{"my.metric", a="b"}`, true, `max(timestamp({__name__="my.metric",a="b"}))`},
		{`sum(x)`, false, "max(timestamp(x))"},
		{`sum by (a) (rate(x[5m])) / y`, false, "max(timestamp(x))"},
		{`x > 1`, false, "max(timestamp(x))"},
		{`max_over_time(sum(x)[5m:])`, false, "max(timestamp(x))"},
		{`max_over_time(x[5m + 1m])`, false, "max(timestamp(x))"}, // experimental
		{`1`, false, ""},
		{`vector(time())`, false, ""},
	} {
		t.Run(c.query, func(t *testing.T) {
			q, err := Parse(c.query)
			if err != nil {
				t.Fatal(err)
			}
			if got := q.TellsAge(); got != c.tells {
				t.Errorf("tells its age: %t, want %t", got, c.tells)
			}
			if got := q.TimestampQuery(); got != c.timestamp {
				t.Errorf("got %s, want %s", got, c.timestamp)
			}
		})
	}
	q, err := Parse("sum by (namespace, deployment) (x)")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := q.TimestampQuery("namespace", "deployment"), "max by (namespace, deployment) (timestamp(x))"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDrops(t *testing.T) {
	for query, want := range map[string]bool{
		"x":                             false,
		"sum(x)":                        true,
		"sum by (a) (x)":                true,
		"sum by (a, deployment) (x)":    false,
		"(sum by (deployment) (x))":     false,
		"sum without (a) (x)":           false,
		"sum without (deployment) (x)":  true,
		"topk(3, x)":                    false,
		`count_values("deployment", x)`: false,
		`count_values("other", x)`:      true,
		`label_replace(sum(x), "deployment", "a", "", "")`: false,
		"sum(x) * on () group_left (deployment) y":         false,
	} {
		t.Run(query, func(t *testing.T) {
			q, err := Parse(query)
			if err != nil {
				t.Fatal(err)
			}
			if got := q.Drops("deployment"); got != want {
				t.Errorf("got %t, want %t", got, want)
			}
		})
	}
}
