package metrics

import (
	"sync"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
)

// totals are the counters of one target, or of a group whose members are merged.
// None has a series before the first of its kind: with thousands of targets nearly
// all would be 0.
type totals struct {
	members int // that have them; guarded by the mutex of Metrics

	mu      sync.Mutex
	steps   []total // by action and reason
	errors  []total // by operation and cause
	foreign float64
}

// total is one counter. There are few, so that they need no map.
type total struct {
	labels [2]string
	n      float64
}

func (t *totals) stepped(action decide.Action, reason decide.Reason) {
	t.mu.Lock()
	defer t.mu.Unlock()
	count(&t.steps, string(action), string(reason))
}

// changed counts a change by another writer.
func (t *totals) changed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.foreign++
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
	for _, d := range t.steps {
		s.add(m.steps, d.n, label, d.labels[0], d.labels[1])
	}
	for _, e := range t.errors {
		s.add(m.errors, e.n, label, e.labels[0], e.labels[1])
	}
	if t.foreign > 0 {
		s.add(m.foreign, t.foreign, label)
	}
}
