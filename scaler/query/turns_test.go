package query

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// many is a Prometheus that has the series s0, s1, ... with their numbers as
// values. A real one answers in tests/scaler.
type many struct {
	v1.API
	takes  func(series []int) time.Duration // by default 1 ms a series
	fault  func(series []int) (v1.Warnings, error)
	mu     sync.Mutex
	asked  [][]int // the series of each request
	now    int     // requests in flight
	most   int     // of them at once
	cancel int     // requests that were cancelled
}

var seriesOfQuery = regexp.MustCompile(`s(\d+)\n, "` + part + `", "value"`)

func (p *many) Query(ctx context.Context, text string, _ time.Time, _ ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
	var series []int
	for _, m := range seriesOfQuery.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[1])
		series = append(series, n)
	}
	p.mu.Lock()
	p.asked = append(p.asked, series)
	p.now++
	p.most = max(p.most, p.now)
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.now--
	}()
	takes := time.Duration(len(series)) * time.Millisecond
	if p.takes != nil {
		takes = p.takes(series)
	}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		p.mu.Lock()
		defer p.mu.Unlock()
		p.cancel++
		return nil, nil, nil, ctx.Err()
	}
	var warnings v1.Warnings
	if p.fault != nil {
		var err error
		if warnings, err = p.fault(series); err != nil {
			return nil, nil, nil, err
		}
	}
	now := model.TimeFromUnixNano(time.Now().UnixNano())
	var answer model.Vector
	for i, n := range series {
		one := func(kind string, value float64) {
			m := model.Metric{part: model.LabelValue(kind)}
			if strings.Contains(text, queryLabel) {
				m[queryLabel] = model.LabelValue(strconv.Itoa(i))
			}
			answer = append(answer, &model.Sample{Metric: m, Value: model.SampleValue(value), Timestamp: now})
		}
		one(partValue, float64(n))
		one(partTime, float64(now)/1000-1)
		one(partNow, 0)
	}
	return answer, warnings, nil, nil
}

// crowd are the readers of n series through one client.
type crowd struct {
	prometheus *many
	readers    []*Reader
	warnings   map[int][]string
}

func newCrowd(p *many, n int) *crowd {
	c := &crowd{prometheus: p, warnings: map[int][]string{}}
	api := newTurns(p, Load{})
	for i := range n {
		warn := func(w string) { c.warnings[i] = append(c.warnings[i], w) }
		c.readers = append(c.readers, New(api, Options{Query: fmt.Sprintf("s%d", i), TimestampQuery: "time()-1", Warn: warn}).Reader(Key{}))
	}
	return c
}

// read reads all at once, and returns what each got, how long it took, and how
// many requests there were.
func (c *crowd) read(ctx context.Context) (results []sample.Result, took []time.Duration, requests int) {
	results, took = make([]sample.Result, len(c.readers)), make([]time.Duration, len(c.readers))
	before, start := len(c.prometheus.asked), time.Now()
	var all sync.WaitGroup
	for i, r := range c.readers {
		all.Go(func() {
			results[i] = r.Read(ctx)
			took[i] = time.Since(start)
		})
	}
	all.Wait()
	return results, took, len(c.prometheus.asked) - before
}

// A thousand targets at once take a few requests, of which sixteen are in flight
// at most, and each gets its own answer.
func TestQueriesGoTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(&many{}, 1000)
		for range 3 {
			results, _, requests := c.read(t.Context())
			for i, res := range results {
				if res.Outcome != sample.Value || res.Value != float64(i) || res.Now.Sub(res.Timestamp) != time.Second {
					t.Fatalf("reader %d got %+v", i, res)
				}
			}
			if limit := DefaultInFlight + 1000/maxTogether + 5; requests > limit {
				t.Errorf("%d requests, want at most %d", requests, limit)
			}
		}
		if c.prometheus.most > DefaultInFlight {
			t.Errorf("%d requests in flight, want %d", c.prometheus.most, DefaultInFlight)
		}
	})
}

// Of queries that go together, each fails by itself, and its warnings are its
// own. From then on it goes alone.
func TestEachQueryFailsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := &v1.Error{Type: v1.ErrExec, Msg: "found duplicate series"}
		p := &many{fault: func(series []int) (w v1.Warnings, err error) {
			if slices.Contains(series, 133) {
				w = v1.Warnings{"a store did not answer"}
			}
			if slices.Contains(series, 266) {
				err = bad
			}
			return w, err
		}}
		c := newCrowd(p, 300)
		check := func() (requests int) {
			results, _, requests := c.read(t.Context())
			for i, res := range results {
				if failed := res.Outcome == sample.Failed; failed != (i == 266) || !failed && res.Value != float64(i) {
					t.Fatalf("reader %d got %+v", i, res)
				}
			}
			return requests
		}
		check()
		for i, w := range c.warnings {
			if i != 133 && len(w) > 0 {
				t.Errorf("reader %d was warned: %v", i, w)
			}
		}
		if len(c.warnings[133]) != 1 {
			t.Errorf("the one it concerns got %v", c.warnings[133])
		}
		for range 3 {
			check()
		}
		// Each of the two goes alone, and one twice to find out why it fails.
		if requests, limit := check(), DefaultInFlight+300/maxTogether+6; requests > limit {
			t.Errorf("%d requests in the end, want at most %d", requests, limit)
		}
	})
}

// A slow query delays those that went with it once, and no other.
func TestASlowQueryGoesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &many{takes: func(series []int) time.Duration {
			if slices.Contains(series, 500) {
				return 3 * time.Second
			}
			return 5 * time.Millisecond
		}}
		c := newCrowd(p, 1000)
		for round := range 4 {
			_, took, _ := c.read(t.Context())
			took = slices.Delete(took, 500, 501)
			if slowest := slices.Max(took); round > 0 && slowest > 100*time.Millisecond {
				t.Errorf("round %d: another took %s", round, slowest)
			}
		}
	})
}

// A far or busy server is not asked more for being slow.
func TestASlowServerIsAskedNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(&many{takes: func([]int) time.Duration { return 400 * time.Millisecond }}, 1000)
		for range 3 {
			c.read(t.Context())
		}
		if _, took, requests := c.read(t.Context()); requests > 50 || slices.Max(took) > 2*time.Second {
			t.Errorf("%d requests in %s", requests, slices.Max(took))
		}
	})
}

// A server that takes only so many in one request gets no more.
func TestAServerThatRefusesMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tooLong := &v1.Error{Type: v1.ErrClient, Msg: "client error: 414"}
		c := newCrowd(&many{fault: func(series []int) (v1.Warnings, error) {
			if len(series) > 20 {
				return nil, tooLong
			}
			return nil, nil
		}}, 500)
		var requests int
		for range 10 {
			var results []sample.Result
			results, _, requests = c.read(t.Context())
			for i, res := range results {
				if res.Outcome != sample.Value {
					t.Fatalf("reader %d got %+v", i, res)
				}
			}
		}
		if requests > 150 {
			t.Errorf("%d requests for 500", requests)
		}
	})
}

// While a server refuses connections or throttles, what goes together fails
// together: not one more request than before.
func TestAnOutageCausesNoMoreRequests(t *testing.T) {
	for name, err := range map[string]error{
		"throttled":   &v1.Error{Type: v1.ErrClient, Msg: "client error: 429"},
		"unavailable": &v1.Error{Type: v1.ErrServer, Msg: "server error: 503"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCrowd(&many{fault: func([]int) (v1.Warnings, error) { return nil, err }}, 1000)
				results, _, requests := c.read(t.Context())
				if requests > 50 {
					t.Errorf("%d requests", requests)
				}
				for _, res := range results {
					if CauseOf(res.Err) != CauseServer {
						t.Fatalf("got %+v", res)
					}
				}
			})
		})
	}
}

// A query's time counts from its turn: behind a slow one, it still has all of it.
func TestAQueueTakesNoTimeFromAQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newTurns(&instant{takes: 4 * time.Second}, Load{InFlight: 1})
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if _, _, _, err := api.Query(t.Context(), "x", time.Time{}); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
	})
}

// Who gives up leaves the queue; a request that all have given up ends.
func TestGivingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &many{takes: func([]int) time.Duration { return 4 * time.Second }}
		api := newTurns(p, Load{InFlight: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if _, _, err := api.Together(ctx, "x"); CauseOf(err) != CauseTimeout {
					t.Errorf("got %v, want a timeout", err)
				}
			})
		}
		both.Wait()
		synctest.Wait()
		if len(api.waiting) != 0 || api.free != 1 || len(p.asked) != 1 || p.cancel != 1 {
			t.Errorf("%d wait, %d free, %d asked, %d cancelled", len(api.waiting), api.free, len(p.asked), p.cancel)
		}
	})
}
