package promapi

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

var seriesOfQuery = regexp.MustCompile(`\bs(\d+)\b`)

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
		m := model.Metric{"series": model.LabelValue(strconv.Itoa(n))}
		if strings.Contains(text, queryLabel) {
			m[queryLabel] = model.LabelValue(strconv.Itoa(i))
		}
		answer = append(answer, &model.Sample{Metric: m, Value: model.SampleValue(n), Timestamp: now})
	}
	return answer, warnings, nil, nil
}

// crowd makes n queries at once through one client.
type crowd struct {
	prometheus *many
	api        *turns
	n          int
}

func newCrowd(p *many, n int) *crowd { return &crowd{p, newTurns(p, Load{}), n} }

// got is the answer to one query, and how long it took.
type got struct {
	value    model.Value
	warnings v1.Warnings
	err      error
	took     time.Duration
}

// of reports whether the answer is that of one series and no other.
func (g got) of(series int) bool {
	v, ok := g.value.(model.Vector)
	return ok && len(v) == 1 && int(v[0].Value) == series && len(v[0].Metric) == 1
}

// query makes all queries, and returns what each got, and how many requests there were.
func (c *crowd) query(ctx context.Context) (answers []got, requests int) {
	answers = make([]got, c.n)
	before, start := len(c.prometheus.asked), time.Now()
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			g := &answers[i]
			a, err := Ask(ctx, c.api, fmt.Sprintf("s%d", i), true)
			g.value, g.warnings, g.err = a.Value, a.Warnings, err
			g.took = time.Since(start)
		})
	}
	all.Wait()
	return answers, len(c.prometheus.asked) - before
}

func slowest(answers []got) (d time.Duration) {
	for _, g := range answers {
		d = max(d, g.took)
	}
	return d
}

// A thousand targets at once take a few requests, of which sixteen are in flight
// at most, and each gets its own answer.
func TestQueriesGoTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(&many{}, 1000)
		for range 3 {
			answers, requests := c.query(t.Context())
			for i, g := range answers {
				if g.err != nil || !g.of(i) {
					t.Fatalf("query %d got %+v", i, g)
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
			answers, requests := c.query(t.Context())
			for i, g := range answers {
				if failed := g.err != nil; failed != (i == 266) || !failed && !g.of(i) {
					t.Fatalf("query %d got %+v", i, g)
				}
				if warned := len(g.warnings) == 1; warned != (i == 133) {
					t.Errorf("query %d got the warnings %v", i, g.warnings)
				}
			}
			return requests
		}
		for range 4 {
			check()
		}
		// Each of the two goes alone.
		if requests, limit := check(), DefaultInFlight+300/maxTogether+5; requests > limit {
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
			answers, _ := c.query(t.Context())
			if took := slowest(slices.Delete(answers, 500, 501)); round > 0 && took > 100*time.Millisecond {
				t.Errorf("round %d: another took %s", round, took)
			}
		}
	})
}

// A far or busy server is not asked more for being slow.
func TestASlowServerIsAskedNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(&many{takes: func([]int) time.Duration { return 400 * time.Millisecond }}, 1000)
		for range 3 {
			c.query(t.Context())
		}
		if answers, requests := c.query(t.Context()); requests > 50 || slowest(answers) > 2*time.Second {
			t.Errorf("%d requests in %s", requests, slowest(answers))
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
			var answers []got
			answers, requests = c.query(t.Context())
			for i, g := range answers {
				if g.err != nil {
					t.Fatalf("query %d got %+v", i, g)
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
				answers, requests := c.query(t.Context())
				if requests > 50 {
					t.Errorf("%d requests", requests)
				}
				for _, g := range answers {
					if CauseOf(g.err) != CauseServer {
						t.Fatalf("got %+v", g)
					}
				}
			})
		})
	}
}

// A query's time counts from its turn: behind a slow one, it still has all of it.
func TestAQueueTakesNoTimeFromAQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newTurns(&many{takes: func([]int) time.Duration { return 4 * time.Second }}, Load{InFlight: 1})
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

// An answer is as of when its request went out, not of when it was queued.
func TestSentIsAfterTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &many{takes: func([]int) time.Duration { return 4 * time.Second }}
		api, start := newTurns(p, Load{InFlight: 1}), time.Now()
		var both sync.WaitGroup
		sent := make([]time.Duration, 2)
		for i := range sent {
			both.Go(func() {
				a, err := Ask(t.Context(), api, "s1", false)
				if sent[i] = a.Sent.Sub(start); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		if slices.Sort(sent); sent[0] != 0 || sent[1] != 4*time.Second {
			t.Errorf("sent after %v, want at once and after 4s", sent)
		}
	})
}

// A caller that gives up leaves the queue; a request that all have given up ends.
func TestGivingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &many{takes: func([]int) time.Duration { return 4 * time.Second }}
		api := newTurns(p, Load{InFlight: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if _, err := Ask(ctx, api, "x", true); CauseOf(err) != CauseTimeout {
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
