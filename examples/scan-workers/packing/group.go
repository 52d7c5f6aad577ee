// Package packing measures how many nodes the chart batch-jobs-min-nodes takes,
// with the real scheduler, and how many would do.
package packing

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Size is what a job requests, or what a node has.
type Size struct{ CPU, Memory int } // in thousandths of a CPU, and in MiB

func (s Size) fits(t Size) bool  { return t.CPU <= s.CPU && t.Memory <= s.Memory }
func (s Size) minus(t Size) Size { return Size{s.CPU - t.CPU, s.Memory - t.Memory} }
func (s Size) plus(t Size) Size  { return Size{s.CPU + t.CPU, s.Memory + t.Memory} }

// Node is the size of the nodes that are measured.
var Node = Size{CPU: 16000, Memory: 64 << 10}

// Group returns the jobs of a random group: 8 to 24 jobs of half a CPU to 8
// CPUs, and of 1 to 8 GiB for each CPU, as machines for computing, for general
// use and for much memory have.
func Group(random *rand.Rand) []Size {
	jobs := make([]Size, 8+random.IntN(17))
	for i := range jobs {
		cpu := 500 * (1 + random.IntN(16))
		memory := cpu * 1024 * (1 + random.IntN(8)) / 1000
		jobs[i] = Size{cpu, min(memory, Node.Memory/2)}
	}
	return jobs
}

// share is the larger of the shares of a node that a job takes.
func share(s Size) float64 {
	return max(float64(s.CPU)/float64(Node.CPU), float64(s.Memory)/float64(Node.Memory))
}

func largestFirst(jobs []Size) []Size {
	sorted := slices.Clone(jobs)
	slices.SortStableFunc(sorted, func(a, b Size) int {
		switch x, y := share(a), share(b); {
		case x > y:
			return -1
		case x < y:
			return 1
		default:
			return 0
		}
	})
	return sorted
}

// Plan returns how many nodes the chart's plan takes. It fills one node after
// another, each time with the job that leaves the least, and tries that with
// several weights of CPU against memory.
func Plan(jobs []Size) int {
	best := len(jobs)
	for _, weight := range []int{5, 3, 7, 1, 9} {
		best = min(best, fill(largestFirst(jobs), weight))
	}
	return best
}

func fill(left []Size, weight int) (nodes int) {
	for ; len(left) > 0; nodes++ {
		for free := Node; ; {
			at, score := -1, 0
			for i, job := range left {
				if !free.fits(job) {
					continue
				}
				rest := free.minus(job)
				c, m := rest.CPU*1000/Node.CPU, rest.Memory*1000/Node.Memory
				if s := weight*c*c + (10-weight)*m*m; at < 0 || s < score {
					at, score = i, s
				}
			}
			if at < 0 {
				break
			}
			free = free.minus(left[at])
			left = slices.Delete(left, at, at+1)
		}
	}
	return nodes
}

// patience bounds the search for the optimum of one group.
const patience = 5_000_000

// Optimum returns the fewest nodes that hold the jobs: found by trying all
// placements of fewer nodes than Plan takes.
func Optimum(jobs []Size) (int, error) {
	var sum Size
	for _, job := range jobs {
		sum = sum.plus(job)
	}
	least := max((sum.CPU+Node.CPU-1)/Node.CPU, (sum.Memory+Node.Memory-1)/Node.Memory)
	best := Plan(jobs)
	sorted := largestFirst(jobs)
	for n := least; n < best; n++ {
		free := slices.Repeat([]Size{Node}, n)
		steps := 0
		if place(sorted, free, sum, &steps) {
			return n, nil
		}
		if steps > patience {
			return 0, fmt.Errorf("it is open whether %d jobs fit on %d nodes", len(jobs), n)
		}
	}
	return best, nil
}

// place tries to put all jobs on the nodes; rest is the sum of the jobs.
func place(jobs, free []Size, rest Size, steps *int) bool {
	if len(jobs) == 0 {
		return true
	}
	if *steps++; *steps > patience {
		return false
	}
	var usable Size // no more than nodes that have room for any job
	for _, node := range free {
		if slices.ContainsFunc(jobs, node.fits) {
			usable = usable.plus(node)
		}
	}
	if !usable.fits(rest) {
		return false
	}
	for i, node := range free {
		if !node.fits(jobs[0]) || slices.Contains(free[:i], node) { // the same as one before
			continue
		}
		free[i] = node.minus(jobs[0])
		if place(jobs[1:], free, rest.minus(jobs[0]), steps) {
			return true
		}
		free[i] = node
	}
	return false
}
