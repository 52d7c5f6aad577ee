package metrics

import (
	"sync"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
)

// totals are the counters of one target, or of a group whose members are merged.
type totals struct {
	members int // that have them; guarded by the mutex of Metrics

	mu        sync.Mutex
	decisions []total // by action and reason
	errors    []total // by operation and cause
	foreign   float64
}

// total is one counter. There are few, so that they need no map.
type total struct {
	labels [2]string
	n      float64
}

// newTotals returns those of a target that nothing has happened to. The first
// step must show as an increase. Errors have no series before the first one of
// their kind: with thousands of targets nearly all would be 0.
func newTotals() *totals {
	return &totals{decisions: []total{
		{labels: [2]string{string(decide.Up), string(decide.LoadHigh)}},
		{labels: [2]string{string(decide.Down), string(decide.LoadLow)}},
	}}
}

func (t *totals) decided(action decide.Action, reason decide.Reason, foreign bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	count(&t.decisions, string(action), string(reason))
	if foreign {
		t.foreign++
	}
}

func (t *totals) failed(during Operation, cause string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	count(&t.errors, string(during), cause)
}

func count(all *[]total, labels ...string) {
	of := [2]string(labels)
	for i := range *all {
		if one := &(*all)[i]; one.labels == of {
			one.n++
			return
		}
	}
	*all = append(*all, total{of, 1})
}

func (t *totals) collect(m *Metrics, label string, s *scrape) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range t.decisions {
		s.add(m.decisions, d.n, label, d.labels[0], d.labels[1])
	}
	for _, e := range t.errors {
		s.add(m.errors, e.n, label, e.labels[0], e.labels[1])
	}
	if t.foreign > 0 {
		s.add(m.foreign, t.foreign, label)
	}
}
