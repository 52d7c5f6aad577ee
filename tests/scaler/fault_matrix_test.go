package scaler

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// row is one row of the fault matrix, docs/faults.md.
type row struct {
	name   string
	reason string // by which one sees it; "" if nothing is to be seen in the log
	test   func(t *testing.T, m *matrix, reason string)
}

func rows() []row {
	return slices.Concat(prometheusRows, kubernetesRows, watchRows, operatorRows, optionRows)
}

// atOnce is how many rows run at a time: they mostly wait.
const atOnce = 6

// TestFaults is the fault matrix: a real scaler, a real Prometheus and a real
// API server, with a load that makes whoever reads it wrongly take a step.
// Nothing may be scaled wrongly during the fault, the scaler has to say what is
// the matter, and afterwards it has to go on by itself.
func TestFaults(t *testing.T) {
	t.Parallel()
	m := &matrix{loads: newLoads(t)}
	m.prometheus = startPrometheus(t, m.loads.scraped, time.Second)
	turn := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for _, r := range rows() {
		all.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			t.Run(r.name, func(t *testing.T) { r.test(t, m, r.reason) })
		})
	}
	all.Wait()
}
