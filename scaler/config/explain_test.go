package config

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestExplain(t *testing.T) {
	for _, name := range []string{"full", "everything"} {
		c, err := Load("testdata/" + name + ".yml")
		if err != nil {
			t.Fatal(err)
		}
		got, golden := c.Explain(), "testdata/"+name+".explained.txt"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
}

// A target with nothing but defaults is explained without the options that it
// does not use.
func TestExplainTheDefault(t *testing.T) {
	c, err := Parse("x.yml", []byte("targets: [{}]"))
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"trigger", "Calendar", "waits", "at once", "empty", "Without"} {
		if strings.Contains(c.Explain(), word) {
			t.Errorf("%q in\n%s", word, c.Explain())
		}
	}
}

func TestExplainManyReplicas(t *testing.T) {
	c, err := Parse("x.yml", []byte("targets: [{rule: {max_replicas: 2147483647}}]"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(c.Explain(), "    at "); got != 7 {
		t.Errorf("%d lines, want 7:\n%s", got, c.Explain())
	}
}

// What a product's rounding leaves behind is no news, nor is an exponent.
func TestExplainNumbers(t *testing.T) {
	c, err := Parse("x.yml", []byte("targets: [{rule: {scale_up_at: 0.3, scale_down_at: 0.1}}, {workload: {name: b}, rule: {type: target, value_per_replica: 1000000}}]"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"at 3: up at 0.9 or more, down at 0.3 or less\n", "at 3: up above 3000000, down at 2000000 or less\n"} {
		if !strings.Contains(c.Explain(), want) {
			t.Errorf("no %q in\n%s", want, c.Explain())
		}
	}
}

// Days of a month may be counted from its end.
func TestExplainDaysOfTheMonth(t *testing.T) {
	c, err := Parse("x.yml", []byte("targets: [{calendar: [{name: a, location: UTC, times: [{days_of_month: ['1', '-3:-1']}], max_replicas: 2}]}]"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "1 and the last but 2 to the last of the month, in UTC\n"; !strings.Contains(c.Explain(), want) {
		t.Errorf("no %q in\n%s", want, c.Explain())
	}
}

// The explanation fits a terminal, and an expression in it can be pasted.
func TestExplanationFitsATerminal(t *testing.T) {
	const query = `sum(rate(http_requests_total{namespace="a very long name", job=~"another long name|and one more"}[5m])) / on () group_left max(some_other_metric)`
	text := "targets: [{name: " + strings.Repeat("n", 60) + ", workload: {name: " + strings.Repeat("w", 60) + "}, query: '" + query + "', timestamp_query: time()}," +
		"{workload: {name: b}, query: \"sum(\\n  a # one\\n)\", calendar: [{name: a window with a very long name that explains what it is good for and for whom, location: America/Argentina/ComodRivadavia," +
		" times: [{weekdays: [monday, wednesday, friday], months: ['january:march', 'july'], days_of_month: ['1:3', '-3:-1'], years: ['2026:2027']}], min_replicas: 2}]}]"
	c, err := Parse("x.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(c.Explain(), "\n") {
		if utf8.RuneCountInString(line) > width && !strings.Contains(line, `{namespace="a very long name",`) { // which cannot be broken
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	if joined := strings.Join(strings.Fields(c.Explain()), " "); !strings.Contains(joined, query) {
		t.Errorf("no %s in\n%s", query, c.Explain())
	}
	if want := "\n    sum(\n      a # one\n    )\n"; !strings.Contains(c.Explain(), want) {
		t.Errorf("no %q in\n%s", want, c.Explain())
	}
}
