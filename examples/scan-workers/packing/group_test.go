package packing

import (
	"math/rand/v2"
	"testing"
)

func TestOptimum(t *testing.T) {
	half, third, twoThirds := Size{8000, 1024}, Size{5000, 1024}, Size{10000, 1024}
	for _, test := range []struct {
		name          string
		jobs          []Size
		optimum, plan int
	}{
		{"one job", []Size{half}, 1, 1},
		{"two halves", []Size{half, half}, 1, 1},
		{"three halves", []Size{half, half, half}, 2, 2},
		{"memory counts as well", []Size{{500, 40 << 10}, {500, 40 << 10}}, 2, 2},
		{"a third goes with two thirds", []Size{third, twoThirds, third, twoThirds}, 2, 2},
		// 7+5+4 and 7+5+4 fit, but the largest that fits comes first.
		{"the plan takes one more", []Size{{7000, 0}, {7000, 0}, {5000, 0}, {5000, 0}, {4000, 0}, {4000, 0}}, 2, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			if n, err := Optimum(test.jobs); n != test.optimum || err != nil {
				t.Errorf("the optimum is %d, %v; want %d", n, err, test.optimum)
			}
			if n := Plan(test.jobs); n != test.plan {
				t.Errorf("the plan takes %d; want %d", n, test.plan)
			}
		})
	}
}

// The groups of the measurement all have an optimum that is found.
func TestOptimumOfRandomGroups(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0))
	var optimum, plan int
	for range 100 {
		jobs := Group(random)
		n, err := Optimum(jobs)
		if err != nil {
			t.Error(err)
		}
		optimum += n
		plan += Plan(jobs)
	}
	t.Logf("100 groups: %d nodes, by plan %d", optimum, plan)
	if optimum > plan || optimum < 100 {
		t.Errorf("optimum %d, plan %d", optimum, plan)
	}
}
