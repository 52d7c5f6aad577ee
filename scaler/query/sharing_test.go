package query

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// instant is a Prometheus that takes a while to answer, or fails.
type instant struct {
	v1.API
	asked atomic.Int64
	takes time.Duration
	err   error
	at    *time.Time // of the sample; by default a second ago
}

func (p *instant) Query(ctx context.Context, _ string, _ time.Time, _ ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
	p.asked.Add(1)
	now := model.TimeFromUnixNano(time.Now().UnixNano()) // as of the request's arrival, as a real one
	select {
	case <-ctx.Done():
		return nil, nil, nil, ctx.Err()
	case <-time.After(p.takes):
	}
	if p.err != nil {
		return nil, nil, nil, p.err
	}
	one := func(kind string, value float64) *model.Sample {
		return &model.Sample{Metric: model.Metric{part: model.LabelValue(kind), "namespace": "n", "name": "a"}, Value: model.SampleValue(value), Timestamp: now}
	}
	at := now.Add(-time.Second)
	if p.at != nil {
		at = model.TimeFromUnixNano(p.at.UnixNano())
	}
	return model.Vector{one(partValue, 3), one(partTime, float64(at)/1000), one(partNow, 0)}, nil, nil, nil
}

// A thousand members, all at once and again and again, are one request per age;
// if it fails, too.
func TestMembersShareARequest(t *testing.T) {
	for name, err := range map[string]error{"answer": nil, "failure": &v1.Error{Type: v1.ErrServer, Msg: "boom"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				prom := &instant{takes: 2 * time.Second, err: err}
				s := NewShared(prom, Options{Query: "q"}, byLabels, 500*time.Millisecond)
				everybody := func() {
					t.Helper()
					var all sync.WaitGroup
					for range 1000 {
						all.Go(func() {
							got := s.Reader(Key{"n", "a"}).Read(t.Context())
							if err == nil && (got.Outcome != sample.Value || got.Value != 3) || err != nil && (got.Outcome != sample.Failed || promapi.CauseOf(got.Err) != promapi.CauseServer) {
								t.Errorf("got %+v", got)
							}
						})
					}
					all.Wait()
				}
				want := func(requests int64) {
					t.Helper()
					if got := prom.asked.Load(); got != requests {
						t.Errorf("%d requests, want %d", got, requests)
					}
				}
				everybody()
				want(1)
				time.Sleep(499 * time.Millisecond)
				everybody()
				want(1)
				time.Sleep(time.Millisecond)
				everybody()
				want(2)
			})
		})
	}
}

// Whoever asks for all and is cancelled fails alone; whoever waits and is
// cancelled does not wait on.
func TestCancelledCallersFailAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prom := &instant{takes: 2 * time.Second}
		s := NewShared(prom, Options{Query: "q"}, byLabels, 500*time.Millisecond)
		first, cancelFirst := context.WithCancel(t.Context())
		second, cancelSecond := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancelSecond()
		start := time.Now()
		outcome := func(ctx context.Context, want sample.Outcome, after time.Duration) func() {
			return func() {
				if got := s.Reader(Key{"n", "a"}).Read(ctx); got.Outcome != want || time.Since(start) != after {
					t.Errorf("after %s got %+v, want %s after %s", time.Since(start), got, want, after)
				}
			}
		}
		var all sync.WaitGroup
		all.Go(outcome(first, sample.Failed, time.Second))
		synctest.Wait()
		all.Go(outcome(second, sample.Failed, 1500*time.Millisecond))
		synctest.Wait()
		all.Go(outcome(t.Context(), sample.Value, 3500*time.Millisecond)) // at worst after the two others
		time.Sleep(time.Second)
		cancelFirst()
		all.Wait()
		if got := prom.asked.Load(); got != 3 {
			t.Errorf("%d requests, want one each", got)
		}
	})
}

// A hundred readers that look for something new again and again, and find
// nothing, ask a few times at once and then once per age.
func TestReadersAskAFewTimesMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := time.Now()
		prom := &instant{at: &at}
		s := NewShared(prom, Options{Query: "q"}, byLabels, 500*time.Millisecond)
		var readers []*Reader
		for range 100 {
			readers = append(readers, s.Reader(Key{"n", "a"}))
		}
		look := func(d time.Duration) (requests int64) {
			before := prom.asked.Load()
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(25 * time.Millisecond) {
				for _, r := range readers {
					r.Read(t.Context())
				}
			}
			return prom.asked.Load() - before
		}
		if got := look(490 * time.Millisecond); got != 4 {
			t.Errorf("%d requests before the first answer is too old, want 4", got)
		}
		if got := look(10 * time.Second); got > 30 {
			t.Errorf("%d requests in ten seconds, want at most 30", got)
		}
		at = time.Now()
		look(500 * time.Millisecond)
		asked := prom.asked.Load()
		late := s.Reader(Key{"n", "a"})
		late.last = at.Add(-time.Second)
		if got := late.Read(t.Context()); !got.Timestamp.Equal(at.Truncate(time.Millisecond)) || prom.asked.Load() != asked {
			t.Errorf("got %+v by %d more requests, want the news of the answer that is there", got, prom.asked.Load()-asked)
		}
	})
}

// A sample ages while the answer is under way: Prometheus evaluates as of the
// request's arrival.
func TestSamplesAgeWhileTheAnswerIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &instant{takes: 4 * time.Second}
		for name, s := range map[string]*Source{
			"shared": NewShared(slow, Options{Query: "q"}, byLabels, 500*time.Millisecond),
			"alone":  New(slow, Options{Query: "q"}),
		} {
			res := s.Reader(Key{"n", "a"}).Read(t.Context())
			if s.labels == nil {
				res = s.Reader(Key{}).Read(t.Context())
			}
			if age := res.Now.Sub(res.Timestamp); age.Round(10*time.Millisecond) != 5*time.Second {
				t.Errorf("%s: a sample that was a second old when the request came, four seconds ago, is %s old: %+v", name, age, res)
			}
		}
	})
}

// A shared answer's sample has aged since.
func TestSharedAnswersAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewShared(&instant{}, Options{Query: "q"}, byLabels, 500*time.Millisecond)
		first := s.Reader(Key{"n", "a"}).Read(t.Context())
		time.Sleep(400 * time.Millisecond)
		second := s.Reader(Key{"n", "a"}).Read(t.Context())
		if first.Now.Sub(first.Timestamp) != time.Second || second.Now.Sub(second.Timestamp) != 1400*time.Millisecond || first.Timestamp != second.Timestamp {
			t.Errorf("got %+v, then %+v: want the same sample, 400ms older", first, second)
		}
	})
}

// What is kept is of the last answer, however many workloads came and went.
func TestMemoryIsOfTheLastAnswer(t *testing.T) {
	var n atomic.Int64
	s := NewShared(newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		answering(200, whole(member(fmt.Sprintf("w%d", n.Add(1)), "1")))(w, r)
	}), Options{Query: "q"}, byLabels, 0)
	before := runtime.NumGoroutine()
	for range 200 {
		if members, err := s.Members(t.Context()); err != nil || len(members.Keys) != 1 || len(s.last.Load().samples) != 1 {
			t.Fatalf("got %+v, %v and %d samples, want one", members, err, len(s.last.Load().samples))
		}
	}
	if after := runtime.NumGoroutine(); after > before+50 { // a few connections'
		t.Errorf("%d goroutines after, %d before", after, before)
	}
}
