package replay_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop/looptest"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/replay"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

func target(change ...func(*config.Target)) config.Target {
	t := config.Target{Name: "camunda", Policy: decide.DefaultPolicy(), Interval: 10 * time.Second}
	for _, c := range change {
		c(&t)
	}
	return t
}

// scraped is what a Prometheus with uneven scrapes has of one query.
type scraped struct {
	every, jitter, visible time.Duration
	lost                   int // of a hundred scrapes
	load                   func(at time.Time) float64
}

// record returns what is seen of it in that time.
func (s scraped) record(track int, from time.Time, d time.Duration, seed uint64) []replay.Observation {
	random := rand.New(rand.NewPCG(seed, uint64(track)))
	var all []replay.Observation
	last := int64(0)
	missing := false
	for at := from.Add(-time.Minute); at.Before(from.Add(d)); at = at.Add(s.every) {
		began := at
		if s.jitter > 0 {
			began = at.Add(time.Duration(random.Int64N(int64(s.jitter))))
		}
		visible := began
		if s.visible > 0 {
			visible = began.Add(time.Duration(random.Int64N(int64(s.visible))))
		}
		seen := max(last+1, visible.UnixNano())
		last = seen
		switch {
		case random.IntN(100) >= s.lost:
			all = append(all, replay.Observation{Track: track, Seen: seen, At: began.UnixNano(), Value: s.load(began)})
			missing = false
		case !missing && random.IntN(2) == 0: // a stale marker
			all = append(all, replay.Observation{Track: track, Seen: seen, Kind: replay.Nothing})
			missing = true
		}
	}
	return all
}

// recorded reads the newest of what was recorded, as of the clock.
type recorded []replay.Observation

func (r recorded) Read(context.Context) sample.Result {
	now := time.Now()
	res := sample.Result{Outcome: sample.NoData, Now: now}
	n, _ := slices.BinarySearchFunc(r, now.UnixNano()+1, func(o replay.Observation, at int64) int { return cmp.Compare(o.Seen, at) })
	if n > 0 && r[n-1].Kind == replay.Value {
		res = sample.Result{Outcome: sample.Value, Value: r[n-1].Value, Timestamp: time.Unix(0, r[n-1].At), Now: now}
	}
	return res
}

// live is a workload, and remembers the steps.
type live struct {
	replicas int32
	steps    []replay.Step
}

func (w *live) Get(context.Context) (workload.Scale, error) {
	return workload.Scale{Replicas: w.replicas, Ready: &w.replicas}, nil
}

func (w *live) Set(_ context.Context, _ workload.Scale, n int32) error { w.replicas = n; return nil }

func (w *live) ScaledByHPA(context.Context) (string, error) { return "", nil }

func (w *live) Observe(d loop.Decision) {
	if d.Action != decide.None {
		w.steps = append(w.steps, replay.Step{Time: d.Now, Sample: decide.Newest(d.Samples), From: d.From, To: d.To, Reason: d.Reason})
	}
}

// A replay of what a live loop saw takes the live loop's steps: all of them, at
// the same times, on the same samples, for the same reasons.
func TestAReplayTakesTheLiveSteps(t *testing.T) {
	total := 0
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 1))
		pick := func(of ...time.Duration) time.Duration { return of[random.IntN(len(of))] }
		tg := target(func(tg *config.Target) {
			tg.Interval = pick(time.Second, 5*time.Second, 10*time.Second, 10*time.Second, 30*time.Second)
			p := &tg.Policy
			p.Limits.Max = int32(2 + random.IntN(8))
			p.ScaleUpDelay, p.ScaleDownDelay = pick(0, 0, 30*time.Second), pick(0, 0, time.Minute)
			p.ScaleDownCoverage, p.HoldAfterStart = pick(0, 0, time.Minute), pick(0, 0, time.Minute)
			if random.IntN(3) == 0 {
				p.Triggers[0].Rule = decide.Rule{Kind: decide.Target, ValuePerReplica: 40}
				p.StepUp, p.StepDown = 0, 0
			}
			if random.IntN(3) == 0 {
				p.Triggers[0].OnNoData, p.Triggers[0].FallbackReplicas = decide.FallbackOnNoData, p.Limits.Max
			}
			if random.IntN(3) == 0 {
				p.Triggers[0].Name = "a"
				p.Triggers = append(p.Triggers, decide.Trigger{Name: "b", Optional: random.IntN(2) == 0, Rule: decide.DefaultRule()})
			}
		})
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const d = 2 * time.Hour
				time.Sleep(time.Duration(random.IntN(10_000)) * time.Millisecond)
				from := time.Now()
				var all []replay.Observation
				w := &live{replicas: 1}
				var sources loop.Sources
				for i := range tg.Policy.Triggers {
					s := scraped{every: pick(time.Second, 5*time.Second, 10*time.Second, 10*time.Second, 15*time.Second, time.Minute), jitter: pick(0, 3*time.Millisecond, 200*time.Millisecond), visible: pick(0, 20*time.Millisecond, 900*time.Millisecond), lost: []int{0, 0, 3, 15}[random.IntN(4)]}
					period := pick(7*time.Minute, 20*time.Minute, time.Hour)
					s.load = func(at time.Time) float64 {
						return float64(at.Sub(from)%period)/float64(period)*200 + float64(at.UnixNano()/1e6%17)
					}
					track := s.record(i, from, d, seed)
					all = append(all, track...)
					sources.Triggers = append(sources.Triggers, recorded(track))
				}
				ctx, cancel := context.WithTimeout(t.Context(), d)
				defer cancel()
				looptest.Run(ctx, loop.New(&tg, sources, w, w))

				slices.SortStableFunc(all, func(a, b replay.Observation) int { return cmp.Compare(a.Seen, b.Seen) })
				o := replay.Options{From: from, To: from.Add(d), Judge: replay.JudgeOf(tg), Start: 1}
				run := replay.NewRun(tg, o)
				if err := replay.Drive(t.Context(), replay.Memory(all), []replay.Consumer{run}); err != nil {
					t.Fatal(err)
				}
				total += len(w.steps)
				for i := range max(len(w.steps), len(run.Steps)) {
					if i >= len(w.steps) || i >= len(run.Steps) {
						t.Fatalf("%d live steps, %d replayed", len(w.steps), len(run.Steps))
					}
					a, b := w.steps[i], run.Steps[i]
					if !a.Time.Equal(b.Time) || !a.Sample.Equal(b.Sample) || a.From != b.From || a.To != b.To || a.Reason != b.Reason {
						t.Fatalf("step %d: live %+v, replayed %+v", i, a, b)
					}
				}
			})
		})
	}
	if total < 1000 {
		t.Errorf("only %d live steps were compared", total)
	}
	t.Logf("%d live steps", total)
}
