package scaler

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promapi"
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
	api, err := promapi.New(u, http.DefaultClient, promapi.Load{})
	if err != nil {
		t.Fatal(err)
	}
	return query.New(api, query.Options{Query: promQL, TimestampQuery: timestampQuery, Warn: func(w string) { t.Log("warning:", w) }}).Reader(query.Key{})
}

func newNumber(t *testing.T, address, promQL string) query.Number {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	api, err := promapi.New(u, http.DefaultClient, promapi.Load{})
	if err != nil {
		t.Fatal(err)
	}
	return query.NewNumber(api, promQL, func(w string) { t.Log("warning:", w) })
}

// age is how old a sample was when Prometheus answered.
func age(r sample.Result) time.Duration { return r.Now.Sub(r.Timestamp) }

func TestQuery(t *testing.T) {
	t.Parallel()
	target := newScraped(t, strings.Join([]string{
		started(120),
		"nan NaN", "inf +Inf", "minus_inf -Inf",
		`lag{partition="0"} 3`, `lag{partition="1"} 4`,
	}, "\n"))
	server := startPrometheus(t, target, time.Second)
	plain := newReader(t, server.URL, recentlyStarted, "")
	awaitOutcome(t, plain, sample.Value)

	t.Run("a selector's sample and its time", func(t *testing.T) {
		got := plain.Read(t.Context())
		if got.Outcome != sample.Value || got.Value != 120 || age(got) < 0 || age(got) > time.Minute {
			t.Fatalf("got %+v, %s old", got, age(got))
		}
	})

	for _, c := range []struct {
		name, query, timestamp string
		want                   sample.Outcome
		value                  float64
		err                    string
	}{
		{name: "scalar", query: "40 + 2", want: sample.Value, value: 42},
		{name: "scalar, its time a scalar too", query: "40 + 2", timestamp: "time() - 1", want: sample.Value, value: 42},
		{name: "aggregation, its time told", query: "sum(lag)", timestamp: "max(timestamp(lag))", want: sample.Value, value: 7},
		{name: "comment at the end", query: recentlyStarted + " # the last 10 s", want: sample.Value, value: 120},
		{name: "nothing", query: "no_such_metric", want: sample.NoData},
		{name: "several series", query: "lag", want: sample.ManySeries},
		{name: "series that differ in the metric's name only", query: `{__name__=~"nan|inf"}`, want: sample.ManySeries},
		{name: "NaN", query: "nan", want: sample.NotANumber},
		{name: "+Inf", query: "inf", want: sample.NotANumber},
		{name: "-Inf", query: "minus_inf", want: sample.NotANumber},
		{name: "division by zero", query: "sum(lag) / 0", want: sample.NotANumber},
		{name: "time that is none", query: "sum(lag)", timestamp: "nan", want: sample.NotANumber},
		{name: "no time", query: "sum(lag)", timestamp: "no_such_metric", want: sample.Failed, err: "its age is not known"},
		{name: "several times", query: "sum(lag)", timestamp: "timestamp(lag)", want: sample.Failed, err: "gives 2 times: want one"},
		{name: "time from the future", query: "sum(lag)", timestamp: "time() + 60", want: sample.Future},
		{name: "time that is no time", query: "sum(lag)", timestamp: "-1", want: sample.Failed, err: "no time in seconds since 1970"},
		{name: "matrix", query: "lag[1m]", want: sample.Failed, err: "gives a matrix: want an instant vector"},
		{name: "string", query: `"seven"`, want: sample.Failed, err: `"string": want an instant vector`},
		{name: "bad PromQL", query: "sum(", want: sample.Failed, err: "unclosed left parenthesis"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := newReader(t, server.URL, c.query, c.timestamp).Read(t.Context())
			if got.Outcome != c.want || c.want == sample.Value && got.Value != c.value {
				t.Fatalf("got %+v, want %s %v", got, c.want, c.value)
			}
			if c.err != "" && !strings.Contains(got.Err.Error(), c.err) {
				t.Errorf("error %q, want %q", got.Err, c.err)
			}
		})
	}

	t.Run("a sample with a time of its own", func(t *testing.T) {
		old := time.Now().Add(-90 * time.Second).Truncate(time.Millisecond)
		target.set(started(120) + "\n" + at("old 5", old))
		r := newReader(t, server.URL, "old", "")
		awaitOutcome(t, r, sample.Value)
		if got := r.Read(t.Context()); !got.Timestamp.Equal(old) || age(got) < 90*time.Second || got.Value != 5 {
			t.Errorf("got %+v, %s old; want 5 of %s", got, age(got), old)
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
		check := func(want promapi.Cause) {
			t.Helper()
			if got := awaitOutcome(t, plain, sample.Failed); promapi.CauseOf(got.Err) != want {
				t.Errorf("got %+v (%s), want %s", got, promapi.CauseOf(got.Err), want)
			}
		}
		check(promapi.CauseTimeout)
		server.Resume()
		server.Stop()
		check(promapi.CauseConnection)
		if err := server.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		awaitOutcome(t, plain, sample.Value)
	})
}

func awaitOutcome(t *testing.T, r *query.Reader, want sample.Outcome) (got sample.Result) {
	t.Helper()
	await(t, func() string {
		if got = r.Read(t.Context()); got.Outcome != want {
			return fmt.Sprintf("got %+v, want %s", got, want)
		}
		return ""
	})
	return got
}

// Queries that wait for their turn go out together, and a real Prometheus still
// answers each for itself.
func TestQueriesGoTogether(t *testing.T) {
	const targets = 200
	var text strings.Builder
	for i := range targets {
		fmt.Fprintf(&text, "depth{queue=\"%d\"} %d\n", i, i)
	}
	server := startPrometheus(t, newScraped(t, text.String()), time.Second)
	awaitOutcome(t, newReader(t, server.URL, `depth{queue="0"}`, ""), sample.Value)

	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	var requests atomic.Int64
	api, err := promapi.New(u, http.DefaultClient, promapi.Load{InFlight: 2, Took: func(time.Duration) { requests.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	results := make([]sample.Result, targets)
	read := func() {
		var all sync.WaitGroup
		for i := range targets {
			o := query.Options{Query: fmt.Sprintf(`depth{queue="%d"}`, i), Warn: func(w string) { t.Errorf("%d: %s", i, w) }}
			switch i {
			case 50:
				o.Query = `sum(depth{queue="50"}) # of one`
				o.TimestampQuery = `timestamp(depth{queue="50"})`
			case 99:
				o.Query = `label_replace(depth, "queue", "same", "", "")` // refused when it is run
			case 150:
				o.Query = `depth{queue="none"}`
			}
			all.Go(func() { results[i] = query.New(api, o).Reader(query.Key{}).Read(t.Context()) })
		}
		all.Wait()
	}
	read() // finds out which fail
	fewest := int64(targets)
	for range 5 { // on a busy machine some take long, and go alone the next time
		requests.Store(0)
		read()
		fewest = min(fewest, requests.Load())
	}
	for i, res := range results {
		switch {
		case i == 99:
			if promapi.CauseOf(res.Err) != promapi.CauseBadQuery || !strings.Contains(res.Err.Error(), "same labelset") {
				t.Errorf("the refused one got %+v", res)
			}
		case i == 150:
			if res.Outcome != sample.NoData {
				t.Errorf("the empty one got %+v", res)
			}
		case res.Outcome != sample.Value || res.Value != float64(i) || age(res) < 0 || age(res) > time.Minute:
			t.Errorf("%d got %+v", i, res)
		}
	}
	if fewest > targets/4 {
		t.Errorf("%d requests for %d targets, want at most %d", fewest, targets, targets/4)
	}
}
