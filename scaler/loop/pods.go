package loop

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/kubeapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/sleep"
)

// Pods are those of a workload, for steps down that have regard to which of them
// work.
type Pods interface {
	// Busy tells how busy Pods are, by their names: 0 or less is idle.
	Busy(ctx context.Context) (map[string]float64, error)
	// List lists them, but for those that have ended or are about to.
	List(ctx context.Context) ([]kubeapi.Pod, error)
	// SetDeletionCosts says of some what it costs to end them.
	SetDeletionCosts(ctx context.Context, costs map[kubeapi.Pod]int32) error
}

// settle is how long the ReplicaSet controller gets to see what was written on
// Pods before the step makes it choose among them. It watches Pods and
// ReplicaSets apart, so the step may overtake an annotation: on a busy machine
// that was seen by up to 0.2 s, and then a busy Pod went.
const settle = 500 * time.Millisecond

// gently looks at the Pods just before a step down, has it decided on once more
// with what is known of them, and marks them so that the idlest go. What was
// decided first comes back if nothing is to be asked.
func (l *Loop) gently(ctx context.Context, in decide.Input, d *Decision, st decide.State) decide.State {
	if d.Action != decide.Down || l.pods == nil || l.target.DryRun {
		return st
	}
	before := l.state
	costs, pods, cause := l.look(ctx, d.From, d.To)
	decided := func() {
		in.Pods = &pods
		d.Decision, st = l.target.Policy.Decide(in, before)
	}
	decided()
	if d.Action == decide.Down && pods.Err == nil && len(costs) > 0 {
		if pods.Err = l.pods.SetDeletionCosts(ctx, costs); pods.Err != nil {
			cause = string(workload.CauseOf(pods.Err))
			decided()
		}
		if d.Action == decide.Down {
			_ = sleep.For(ctx, settle) // the write of the replicas reports the end of ctx
		}
	}
	if d.Reason == decide.BusyUnknown {
		d.fail(pods.Err, cause)
	}
	return st
}

// look finds out which Pods work, and what it should cost to end those whose
// cost is another now.
func (l *Loop) look(ctx context.Context, from, to int32) (costs map[kubeapi.Pod]int32, found decide.Pods, cause string) {
	busy, err := l.pods.Busy(ctx)
	if err != nil {
		return nil, decide.Pods{Err: err}, string(promapi.CauseOf(err))
	}
	pods, err := l.pods.List(ctx)
	if err != nil {
		return nil, decide.Pods{Err: err}, string(workload.CauseOf(err))
	}
	if l.target.Workload.Kind == "StatefulSet" {
		return nil, decide.Pods{Idle: countIdleLast(pods, busy, from, to)}, ""
	}
	return costsOf(pods, busy, to), decide.Pods{Idle: countIdle(pods, busy, from)}, ""
}

// works reports whether a Pod works, and how much. One of which nothing is known
// may work as much as can be, unless it has not started yet.
func works(p kubeapi.Pod, busy map[string]float64) (how float64, does bool) {
	how, known := busy[p.Name]
	if !known && !p.Pending {
		how = math.Inf(1)
	}
	return how, how > 0
}

// countIdle counts the Pods that do not work and can go in the next step. One that
// is not there yet counts as idle. If there are more than there should be, as many
// still go for the last step, and those are idle ones. While one that works is not
// ready, there are none: it would go before them.
func countIdle(pods []kubeapi.Pod, busy map[string]float64, from int32) int32 {
	n := from - int32(len(pods))
	for _, p := range pods {
		if p.Unready && busy[p.Name] > 0 {
			return 0
		}
		if _, does := works(p, busy); !does {
			n++
		}
	}
	return max(0, n)
}

// countIdleLast counts the same of a StatefulSet's Pods that a step down would end:
// those with the highest numbers, whatever they cost.
func countIdleLast(pods []kubeapi.Pod, busy map[string]float64, from, to int32) int32 {
	pods = slices.Clone(pods)
	slices.SortFunc(pods, func(a, b kubeapi.Pod) int { return cmp.Compare(ordinal(a), ordinal(b)) })
	last := pods[min(len(pods), int(to)):]
	return countIdle(last, busy, from-to)
}

func ordinal(p kubeapi.Pod) int {
	n, _ := strconv.Atoi(p.Name[strings.LastIndexByte(p.Name, '-')+1:])
	return n
}

// costsOf returns what it should cost to end each Pod: the more it works the
// more, and 0 if it is idle. Pods that cost as much already are left out, and
// nothing has to be chosen if all go.
func costsOf(pods []kubeapi.Pod, busy map[string]float64, to int32) map[kubeapi.Pod]int32 {
	if to == 0 {
		return nil
	}
	costs := map[kubeapi.Pod]int32{}
	for _, p := range pods {
		how, does := works(p, busy)
		cost := int32(0)
		if does {
			cost = int32(min(math.MaxInt32, math.Ceil(how)))
		}
		if cost != p.Cost {
			costs[p] = cost
		}
	}
	return costs
}
