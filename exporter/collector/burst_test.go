package collector_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/collector"
)

const layout = "2006-01-02T15:04:05.000-0700"

// history is an engine's history in memory: instances by start time.
type history struct {
	mu      sync.Mutex
	started []time.Time
	latency func(time.Duration) time.Duration // by the length of what is asked for
}

func (h *history) start(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for range n {
		h.started = append(h.started, time.Now())
	}
}

func (h *history) answer(r *http.Request) (int, string) {
	if strings.HasSuffix(r.URL.Path, "/history/process-instance") {
		return 200, `[{"id":"1"}]`
	}
	from, err := time.Parse(layout, r.URL.Query().Get("startedAfter"))
	to, err2 := time.Parse(layout, r.URL.Query().Get("startedBefore"))
	if err != nil || err2 != nil {
		return 400, "{}"
	}
	if h.latency != nil {
		time.Sleep(h.latency(to.Sub(from)))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, at := range h.started {
		if !at.Before(from) && !at.After(to) {
			n++
		}
	}
	return 200, fmt.Sprintf(`{"count":%d}`, n)
}

// parse returns the values of a scrape by series.
func parse(scrape string) map[string]float64 {
	values := map[string]float64{}
	for line := range strings.Lines(scrape) {
		series, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		if v, err := strconv.ParseFloat(text, 64); err == nil {
			values[series] = v
		}
	}
	return values
}

// value returns a series' value in a scrape, and whether it is there.
func value(scrape, series string) (float64, bool) {
	v, ok := parse(scrape)[series]
	return v, ok
}

const (
	recentSeries = `camunda_process_instances_recently_started{window="10s"}`
	totalSeries  = "camunda_process_instances_started_total"
	endSeries    = "camunda_window_end_timestamp_seconds"
)

// However many keys are listed, and however slow the engine is, the number that
// is scaled by is as fresh as without them, and each burst is shown once: so is
// each key's.
func TestKeysDoNotDelayTheTotal(t *testing.T) {
	for _, n := range []int{0, 5, 10, 30} {
		for _, latency := range []time.Duration{3 * time.Millisecond, 200 * time.Millisecond} {
			t.Run(fmt.Sprintf("%d keys, an engine of %s", n, latency), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h := &history{latency: func(time.Duration) time.Duration { return latency }}
					var keys []string
					for i := range n {
						keys = append(keys, fmt.Sprint("key-", i))
					}
					x := assemble(t, h.answer, keys, collector.SetOptions{})
					sum, keySum := 0.0, 0.0
					const rounds = 30
					for i := range rounds {
						begin := time.Now()
						if i%4 == 1 {
							time.Sleep(3 * time.Second)
							h.start(60)
						}
						time.Sleep(time.Until(begin.Add(10 * time.Second)))
						scraped := time.Now()
						got := x.scrape(t, 0)
						if took := time.Since(scraped); took > 1300*time.Millisecond {
							t.Errorf("a scrape took %s", took)
						}
						recent, there := value(got, recentSeries)
						end, _ := value(got, endSeries)
						if age := float64(scraped.UnixMilli())/1000 - end; !there || age > 3 {
							t.Fatalf("the window is %.1f s old (there: %t):\n%s", age, there, got)
						}
						sum += recent
						values := parse(got)
						for _, key := range keys {
							keySum += values[fmt.Sprintf(`camunda_process_definition_instances_recently_started{process_definition_key=%q,window="10s"}`, key)]
						}
					}
					const bursts = 8 // the last one is complete
					if sum != 60*bursts {
						t.Errorf("bursts of %d in all were shown as %v", 60*bursts, sum)
					}
					time.Sleep(10 * time.Second)
					last := x.scrape(t, 0)
					if total, _ := value(last, totalSeries); total != 60*bursts {
						t.Errorf("total is %v", total)
					}
					if time.Duration(n)*latency >= time.Second {
						return // an engine too slow to count all keys in a scrape
					}
					if keySum != float64(60*bursts*n) {
						t.Errorf("bursts of %d in all were shown for keys as %v", 60*bursts*n, keySum)
					}
				})
			})
		}
	}
}

// An engine too slow to count all keys in time counts each in its turn: no key
// is left out, no window is shown twice, and no total loses anything.
func TestTooManyKeysTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &history{latency: func(time.Duration) time.Duration { return 900 * time.Millisecond }}
		var keys []string
		for i := range 30 {
			keys = append(keys, fmt.Sprint("key-", i))
		}
		x := assemble(t, h.answer, keys, collector.SetOptions{})
		shown := map[string]int{} // by key and window end
		counted := map[string]bool{}
		for range 60 {
			h.start(7)
			values := parse(x.scrape(t, 10*time.Second))
			for _, key := range keys {
				if end, there := values[fmt.Sprintf("camunda_process_definition_window_end_timestamp_seconds{process_definition_key=%q}", key)]; there {
					shown[fmt.Sprint(key, end)]++
					counted[key] = true
				}
			}
		}
		for window, times := range shown {
			if times > 1 {
				t.Errorf("window %s was shown %d times", window, times)
			}
		}
		if len(counted) != len(keys) {
			t.Errorf("%d of %d keys were counted", len(counted), len(keys))
		}
		for range 20 {
			x.scrape(t, 10*time.Second)
		}
		values := parse(x.scrape(t, 10*time.Second))
		for _, key := range keys {
			if total := values[fmt.Sprintf("camunda_process_definition_instances_started_total{process_definition_key=%q}", key)]; total != 60*7 {
				t.Errorf("total of %s is %v, want %d", key, total, 60*7)
			}
		}
	})
}

// A recount that the engine is too slow for does not take the gauge away, nor
// hold up scrapes, and the total becomes complete all the same.
func TestSlowRecountsCostNothing(t *testing.T) {
	for name, slow := range map[string]time.Duration{"12 s": 12 * time.Second, "never": time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &history{latency: func(d time.Duration) time.Duration {
					if d > 25*time.Second {
						return slow
					}
					return 5 * time.Millisecond
				}}
				x := assemble(t, h.answer, nil, collector.SetOptions{Collectors: []string{"finished"}, Interval: 5 * time.Second})
				waited := time.Duration(0)
				for range 60 {
					h.start(12)
					time.Sleep(10 * time.Second)
					begin := time.Now()
					got := x.scrape(t, 0)
					took := time.Since(begin)
					waited += took
					if recent, there := value(got, recentSeries); recent != 12 || took > 1100*time.Millisecond {
						t.Fatalf("%v in the window (there: %t), after %s", recent, there, took)
					}
				}
				if waited > 20*time.Second {
					t.Errorf("scrapes waited %s in ten minutes", waited)
				}
				if total, _ := value(x.scrape(t, 10*time.Second), totalSeries); total != 60*12 {
					t.Errorf("total is %v, want %d", total, 60*12)
				}
			})
		})
	}
}

// While the database hangs, one query waits there, not one more each scrape.
// The gauge is back with the first scrape after it.
func TestHangingDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &history{}
		locked := make(chan struct{})
		var mu sync.Mutex
		waiting, most := 0, 0
		x := newExporter(t, h.answer)
		h.start(5)
		x.scrape(t, 10*time.Second)
		x.engine.set(func(r *http.Request) (int, string) {
			mu.Lock()
			waiting++
			most = max(most, waiting)
			mu.Unlock()
			<-locked
			mu.Lock()
			waiting--
			mu.Unlock()
			return h.answer(r)
		})
		waits := 0
		time.Sleep(10 * time.Second)
		for range 30 { // five minutes
			begin := time.Now()
			got := x.scrape(t, 0)
			if up, _ := value(got, "camunda_up"); up != 0 || strings.Contains(got, "recently_started{") {
				t.Fatalf("got\n%s", got)
			}
			if total, _ := value(got, totalSeries); total != 5 {
				t.Errorf("total is %v, want what was counted before", total)
			}
			if took := time.Since(begin); took > time.Second {
				waits++
			}
			time.Sleep(time.Until(begin.Add(10 * time.Second)))
		}
		mu.Lock()
		if most != 1 || waits != 1 {
			t.Errorf("%d queries waited at once, and %d scrapes, want one each", most, waits)
		}
		mu.Unlock()
		close(locked)
		h.start(7)
		synctest.Wait()
		got := x.scrape(t, 9*time.Second)
		if recent, _ := value(got, recentSeries); recent != 7 {
			t.Errorf("the gauge is %v with the first scrape:\n%s", recent, got)
		}
	})
}

// Instances of a node with another time zone are in no window, so the number
// would be too low.
func TestNoRecentInstancesWhileSomeAreMisdated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &history{}
		x := newExporter(t, h.answer)
		misdated := true
		step := func() string {
			h.start(3)
			h.mu.Lock()
			if misdated {
				h.started = append(h.started, time.Now().Add(-5*time.Hour))
			}
			h.mu.Unlock()
			return x.scrape(t, 10*time.Second)
		}
		var got string
		for range 70 {
			got = step()
		}
		if n, there := value(got, "camunda_process_instances_misdated"); !there || n < 25 || n > 35 || strings.Contains(got, "recently_started{") {
			t.Errorf("%v misdated instances (there: %t) in\n%s", n, there, got)
		}
		golden(t, "misdated", got, false)
		wantLog(t, x, "error", "start times hours off")
		misdated = false
		for range 70 {
			got = step()
		}
		if n, there := value(got, "camunda_process_instances_misdated"); !there || n != 0 || !strings.Contains(got, "recently_started{") {
			t.Errorf("%v misdated instances (there: %t) in the end:\n%s", n, there, got)
		}
	})
}

// What a collector's requests took is unknown if there were none.
func TestNoDurationWithoutRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := withCollectors(t, busy)
		x.engine.latency = time.Hour
		got := x.scrape(t, 10*time.Second)
		if series(got, "camunda_exporter_collector_duration_seconds") != "" || series(got, "camunda_exporter_collector_success") == "" {
			t.Errorf("got\n%s", got)
		}
	})
}

// With a window of minutes, every scrape still has the latest one, of each key
// too, and the total does not wait for a window to pass.
func TestLongWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &history{}
		x := assembleWindow(t, h.answer, 5*time.Minute, []string{"a", "b"}, collector.SetOptions{})
		for i := range 60 {
			h.start(2)
			values := parse(x.scrape(t, 10*time.Second))
			want := float64(2 * min(i+1, 30))
			for _, series := range []string{
				`camunda_process_instances_recently_started{window="5m"}`,
				`camunda_process_definition_instances_recently_started{process_definition_key="b",window="5m"}`,
			} {
				if got := values[series]; got != want {
					t.Fatalf("scrape %d: %s is %v, want %v", i, series, got, want)
				}
			}
			if got := values[totalSeries]; got != float64(2*(i+1)) {
				t.Fatalf("scrape %d: total is %v, want %d", i, got, 2*(i+1))
			}
		}
	})
}
