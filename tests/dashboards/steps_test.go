package dashboards

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// historyEnd is fixed, so that each run sees the same.
var historyEnd = time.Date(2026, 1, 15, 18, 0, 0, 0, time.UTC)

// Grafana's steps follow the range: 15 s to 15 min for annotations. Whatever
// the step and the scrape interval are, each change of the replicas is marked
// once and nothing else is, and no panel goes empty.
func TestDashboardsOnEveryRange(t *testing.T) {
	t.Parallel()
	boards, err := Load(folder)
	check(t, err)
	autoscaling := boards[slices.IndexFunc(boards, func(d Dashboard) bool { return d.UID == "camunda-autoscaling" })]
	for _, scrape := range []time.Duration{10 * time.Second, 30 * time.Second} {
		t.Run("scraped every "+scrape.String(), func(t *testing.T) {
			t.Parallel()
			h := &History{From: historyEnd.Add(-25 * time.Hour), To: historyEnd, Scrape: scrape, Targets: 4}
			server, err := h.Serve(t.Context(), t.TempDir())
			check(t, err)
			t.Cleanup(server.Kill)
			prom, err := API(server.URL)
			check(t, err)
			open := func(d Dashboard, length time.Duration) *Board {
				b, err := d.Open(t.Context(), prom, historyEnd.Add(-length), historyEnd, scrape)
				check(t, err)
				return b
			}
			t.Run("queries", func(t *testing.T) { queriesAnswer(t, boards, open) })
			for _, length := range []time.Duration{15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 24 * time.Hour} {
				b := open(autoscaling, length)
				for _, target := range []string{"camunda-deployment", "tenant-03-worker"} {
					t.Run(fmt.Sprint(length, " of ", target), func(t *testing.T) { changesAreMarked(t, b.With("target", target), h) })
				}
			}
		})
	}
}

// marked says which changes a query is for, by its panel and legend.
var marked = map[string]string{
	"Scaled up/":                            "up",
	"Scaled down/":                          "down",
	"Changed by others/":                    "foreign",
	"Steps and changes by others/up":        "up",
	"Steps and changes by others/down":      "down",
	"Steps and changes by others/by others": "foreign",
}

func changesAreMarked(t *testing.T, b *Board, h *History) {
	evaluated, found := 0, 0
	for _, q := range b.Queries() {
		action, ok := marked[q.Panel+"/"+q.Legend]
		if !ok {
			continue
		}
		evaluated++
		step := q.Step(b.To.Sub(b.From), h.Scrape)
		first, last := b.From.Truncate(step), b.To.Truncate(step)
		want := map[time.Time]float64{}
		for _, c := range h.Changes {
			seen := ceil(ceil(c.At, h.Scrape), step)
			if c.Target == b.Variables["target"] && c.Action == action && !seen.Before(first) && !seen.After(last) {
				want[seen]++
			}
		}
		got := map[time.Time]float64{}
		matrix, err := b.Evaluate(t.Context(), q)
		check(t, err)
		for _, s := range matrix {
			for _, v := range s.Values {
				if v.Value != 0 {
					got[v.Timestamp.Time().UTC()] += float64(v.Value)
				}
			}
		}
		for at, n := range want {
			if got[at] != n {
				t.Errorf("%s %s in steps of %s: %g at %s, want %g", q.Panel, q.Legend, step, got[at], at, n)
			}
			delete(got, at)
		}
		if len(got) > 0 {
			t.Errorf("%s %s in steps of %s: there was nothing at %v", q.Panel, q.Legend, step, got)
		}
		found += len(want)
	}
	if found == 0 {
		t.Error("nothing was changed: the test covers nothing")
	}
	if evaluated != len(marked) {
		t.Errorf("found %d queries, want %d: the test covers too little", evaluated, len(marked))
	}
}

func ceil(at time.Time, step time.Duration) time.Time { return at.Add(step - 1).Truncate(step) }

// queriesAnswer: a query that has an answer on one range has one on all, and
// what is always there has no holes.
func queriesAnswer(t *testing.T, boards []Dashboard, open func(d Dashboard, length time.Duration) *Board) {
	const short = time.Hour
	full := 0
	for _, d := range boards {
		usual := open(d, short)
		for _, q := range d.Queries() {
			before, err := usual.Evaluate(t.Context(), q)
			check(t, err)
			for _, length := range []time.Duration{6 * time.Hour, 24 * time.Hour} {
				b := open(d, length)
				now, err := b.Evaluate(t.Context(), q)
				check(t, err)
				if len(before) > 0 && len(now) == 0 {
					t.Errorf("%s: %s has an answer over %s, and none over %s", d.File, q.Panel, short, length)
				}
				if q.Instant || !always[q.Panel] {
					continue
				}
				full++
				points := int(length / q.Step(length, b.scrape))
				for _, s := range now {
					if s.Metric["instance"] == "" && len(s.Values) < points*95/100 {
						t.Errorf("%s: %s has %d of %d points over %s", d.File, q.Panel, len(s.Values), points, length)
					}
				}
			}
		}
	}
	if full < len(always) {
		t.Errorf("checked %d queries for holes, want %d at least: the test covers too little", full, len(always))
	}
}

// always are panels whose lines never end in the history.
var always = map[string]bool{
	"Requests": true, "Latency": true, "Latency of Prometheus": true, "Latency of the API server": true, "CPU": true, "Memory": true,
}
