package scaler

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

const recentlyStarted = `camunda_process_instances_recently_started{window="10s"}`

func newReader(t *testing.T, address, promQL, timestampQuery string) *query.Reader {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	api, err := query.NewAPI(u, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	return query.New(api, query.Options{Query: promQL, TimestampQuery: timestampQuery, Warn: func(w string) { t.Log("warning:", w) }})
}

func TestQuery(t *testing.T) {
	target := newScraped(t, strings.Join([]string{
		started(120),
		"nan NaN", "inf +Inf", "minus_inf -Inf",
		`lag{partition="0"} 3`, `lag{partition="1"} 4`,
	}, "\n"))
	server := startPrometheus(t, target, time.Second)
	plain := newReader(t, server.URL, recentlyStarted, "")
	awaitOutcome(t, plain, sample.Value)

	t.Run("a selector's sample and its time", func(t *testing.T) {
		newest := plain.Newest(t.Context())
		if newest.Outcome != sample.Value || newest.Age() < 0 || newest.Age() > time.Minute {
			t.Fatalf("got %+v, age %s", newest, newest.Age())
		}
		got := plain.At(t.Context(), newest)
		if got.Outcome != sample.Value || got.Value != 120 || got.Timestamp != newest.Timestamp {
			t.Errorf("got %+v, want 120 of %s", got, newest.Timestamp)
		}
		// One millisecond earlier there is another sample: it is exactly that time.
		before := newest
		before.Timestamp = before.Timestamp.Add(-time.Millisecond)
		reader := newReader(t, server.URL, "timestamp("+recentlyStarted+")", "time()")
		if a, b := reader.At(t.Context(), newest), reader.At(t.Context(), before); a.Value <= b.Value {
			t.Errorf("the sample at %s is of %f, that a millisecond earlier of %f", newest.Timestamp, a.Value, b.Value)
		}
	})

	for _, c := range []struct {
		name, query, timestamp string
		newest, want           sample.Outcome
		value                  float64
		err                    string
	}{
		{name: "scalar", query: "40 + 2", newest: sample.Value, want: sample.Value, value: 42},
		{name: "aggregation, its time told", query: "sum(lag)", timestamp: "max(timestamp(lag))", newest: sample.Value, want: sample.Value, value: 7},
		{name: "comment at the end", query: recentlyStarted + " # the last 10 s", newest: sample.Value, want: sample.Value, value: 120},
		{name: "nothing", query: "no_such_metric", newest: sample.NoData},
		{name: "several series", query: "lag", newest: sample.ManySeries},
		{name: "NaN", query: "nan", newest: sample.Value, want: sample.NotANumber},
		{name: "+Inf", query: "inf", newest: sample.Value, want: sample.NotANumber},
		{name: "-Inf", query: "minus_inf", newest: sample.Value, want: sample.NotANumber},
		{name: "division by zero", query: "sum(lag) / 0", newest: sample.Value, want: sample.NotANumber},
		{name: "time that is none", query: "sum(lag)", timestamp: "nan", newest: sample.NotANumber},
		{name: "time from the future", query: "sum(lag)", timestamp: "time() + 60", newest: sample.Future},
		{name: "time that is no time", query: "sum(lag)", timestamp: "-1", newest: sample.Failed, err: "no time in seconds since 1970"},
		{name: "matrix", query: "lag[1m]", newest: sample.Failed, err: "gives a matrix: want an instant vector"},
		{name: "string", query: `"seven"`, newest: sample.Failed, err: `"string": want an instant vector`},
		{name: "bad PromQL", query: "sum(", newest: sample.Failed, err: "unclosed left parenthesis"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newReader(t, server.URL, c.query, c.timestamp)
			newest := r.Newest(t.Context())
			if newest.Outcome != c.newest {
				t.Fatalf("newest is %+v, want %s", newest, c.newest)
			}
			if c.err != "" && !strings.Contains(newest.Err.Error(), c.err) {
				t.Errorf("error %q, want %q", newest.Err, c.err)
			}
			if newest.Outcome != sample.Value {
				return
			}
			if got := r.At(t.Context(), newest); got.Outcome != c.want || c.want == sample.Value && got.Value != c.value {
				t.Errorf("got %+v, want %s %v", got, c.want, c.value)
			}
		})
	}

	t.Run("a sample with a time of its own", func(t *testing.T) {
		old := time.Now().Add(-90 * time.Second).Truncate(time.Millisecond)
		target.set(started(120) + "\n" + at("old 5", old))
		r := newReader(t, server.URL, "old", "")
		awaitOutcome(t, r, sample.Value)
		newest := r.Newest(t.Context())
		if !newest.Timestamp.Equal(old) || newest.Age() < 90*time.Second {
			t.Errorf("got %s, %s old; want %s", newest.Timestamp, newest.Age(), old)
		}
		if got := r.At(t.Context(), newest); got.Value != 5 {
			t.Errorf("got %+v, want 5", got)
		}
	})

	t.Run("the target is gone", func(t *testing.T) {
		target.set("other 1")
		awaitOutcome(t, plain, sample.NoData)
	})

	t.Run("Prometheus hangs, stops and starts", func(t *testing.T) {
		target.set(started(120))
		server.Pause()
		// A process that is told to stop may still give an answer or two.
		check := func(want query.Cause) {
			t.Helper()
			if got := awaitOutcome(t, plain, sample.Failed); query.CauseOf(got.Err) != want {
				t.Errorf("got %+v (%s), want %s", got, query.CauseOf(got.Err), want)
			}
		}
		check(query.CauseTimeout)
		server.Resume()
		server.Stop()
		check(query.CauseConnection)
		if err := server.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		awaitOutcome(t, plain, sample.Value)
	})
}

func awaitOutcome(t *testing.T, r *query.Reader, want sample.Outcome) (got sample.Result) {
	t.Helper()
	await(t, func() string {
		if got = r.Newest(t.Context()); got.Outcome != want {
			return fmt.Sprintf("got %+v, want %s", got, want)
		}
		return ""
	})
	return got
}
