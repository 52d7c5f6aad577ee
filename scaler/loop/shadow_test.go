package loop_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop/looptest"
)

// kept are the decisions that were observed.
type kept []loop.Decision

func (k *kept) Observe(d loop.Decision) { *k = append(*k, d) }

// observed is a loop whose decisions are kept.
func observed(p *scraper, w *fakeWorkload, change ...func(*Target)) (*loop.Loop, *kept) {
	k := &kept{}
	return loop.New(new(newTarget(change...)), Sources{Triggers: []Reader{p}}, w, k), k
}

func runFor(l *loop.Loop, d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	looptest.Run(ctx, l)
}

func dryRun(t *Target) { t.DryRun = true }

// The shadow of a dry run takes the steps that the scaler would take if it were
// no dry run: the same, at the same times, although the workload never changes.
func TestTheShadowTakesTheStepsOfARealRun(t *testing.T) {
	total := 0
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			var steps [2][]string
			for i, dry := range []bool{false, true} {
				synctest.Test(t, func(_ *testing.T) {
					random := rand.New(rand.NewPCG(seed, 3))
					pick := func(of ...time.Duration) time.Duration { return of[random.IntN(len(of))] }
					p := newScraper(pick(5*time.Second, 10*time.Second, 30*time.Second), 0)
					p.jitter = pick(0, 100*time.Millisecond)
					lost, outage := random.IntN(15), pick(0, 90*time.Second, 4*time.Minute)
					p.lost = func(n int64) bool {
						in := time.Duration(n) * p.every % (30 * time.Minute)
						return in > 20*time.Minute && in < 20*time.Minute+outage || rand.New(rand.NewPCG(seed, uint64(n))).IntN(100) < lost
					}
					p.marked = random.IntN(2) == 0
					p.load = func(at time.Time) float64 {
						return float64(at.Sub(p.began)%(20*time.Minute)) / float64(20*time.Minute) * 300
					}
					l, decided := observed(p, &fakeWorkload{replicas: 2}, func(t *Target) {
						t.DryRun = dry
						t.Policy.Limits.Max = 6
						t.Policy.ScaleDownDelay = pick(0, time.Minute)
						t.Policy.HoldAfterStart = pick(0, time.Minute)
						t.Policy.Limits.Min = int32(1 + random.IntN(4))
						if random.IntN(2) == 0 {
							t.Policy.Triggers[0].OnNoData, t.Policy.Triggers[0].FallbackReplicas = decide.FallbackOnNoData, 6
						}
					})
					runFor(l, 2*time.Hour-time.Minute) // not while a step is due
					for _, d := range *decided {
						one := &loop.Shadow{Action: d.Action, From: d.From, To: d.To, Reason: d.Reason}
						if dry {
							one = d.Shadow
						}
						if one != nil && one.Action != decide.None {
							steps[i] = append(steps[i], fmt.Sprint(d.Now.Sub(p.began), " ", one.From, "-", one.To, " ", one.Reason))
						}
					}
				})
			}
			total += len(steps[0])
			if !slices.Equal(steps[0], steps[1]) {
				i := 0
				for i < min(len(steps[0]), len(steps[1])) && steps[0][i] == steps[1][i] {
					i++
				}
				t.Errorf("after %d steps in common: real steps %.3q, steps of the shadow %.3q", i, steps[0][i:], steps[1][i:])
			}
		})
	}
	if total < 500 {
		t.Errorf("only %d steps were compared", total)
	}
}

// The shadow goes its own way: what an HPA does to the workload does not move it.
func TestTheShadowDoesNotFollowTheWorkload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWorkload{replicas: 2, hpa: "web", writer: hpa}
		l, decided := observed(newScraper(10*time.Second, 120), w, dryRun)
		runFor(l, time.Minute)
		w.change(hpa, 4)
		runFor(l, time.Minute)
		last := (*decided)[len(*decided)-1]
		if last.Shadow == nil || last.Shadow.To != 3 || last.From != 4 || len(w.sets) > 0 {
			t.Errorf("got %+v, want a shadow of 3 replicas beside 4", last.Shadow)
		}
	})
}

// A workload that was switched off, or is another one of the same name, gives the
// shadow a new start.
func TestTheShadowStartsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWorkload{replicas: 1, uid: "a"}
		l, decided := observed(newScraper(10*time.Second, 120), w, dryRun)
		shadowIs := func(want int32, reason decide.Reason) {
			t.Helper()
			last := (*decided)[len(*decided)-1]
			if last.Shadow == nil || last.Shadow.To != want || last.Shadow.Reason != reason {
				t.Errorf("got %+v, want a shadow of %d replicas, %s", last.Shadow, want, reason)
			}
		}
		runFor(l, time.Minute)
		shadowIs(3, decide.WithinBounds)
		w.change(user, 0)
		runFor(l, time.Minute)
		shadowIs(0, decide.SwitchedOff)
		w.change(user, 4)
		runFor(l, 25*time.Second)
		shadowIs(4, decide.WithinBounds)
		w.uid = "b"
		w.change(user, 3)
		runFor(l, 25*time.Second)
		shadowIs(3, decide.WithinBounds)
		w.pause = both
		runFor(l, 25*time.Second)
		shadowIs(3, decide.Paused)
	})
}

// Only a dry run has a shadow. It outlives a reload, and starts with the workload
// if the target was no dry run before.
func TestTheShadowOutlivesAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWorkload{replicas: 1}
		p := newScraper(10*time.Second, 120)
		wet, decided := observed(p, w)
		runFor(wet, time.Minute)
		for _, d := range *decided {
			if d.Shadow != nil {
				t.Fatalf("a real run has a shadow: %+v", d.Shadow)
			}
		}
		w.change(user, 2)
		dry, decided := observed(p, w, dryRun)
		dry.Continue(wet)
		runFor(dry, time.Minute)
		if s := (*decided)[len(*decided)-1].Shadow; s == nil || s.To != 3 || (*decided)[0].Shadow.From != 2 {
			t.Errorf("got %+v, want a shadow that went from 2 replicas to 3", s)
		}
		again, decided := observed(p, w, dryRun)
		again.Continue(dry)
		runFor(again, time.Minute)
		if s := (*decided)[0].Shadow; s == nil || s.From != 3 {
			t.Errorf("got %+v, want the shadow's 3 replicas after a reload", s)
		}
	})
}
