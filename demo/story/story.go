// Package story is what the demo plays: phases of load, and when each of them
// counts as settled. It is pure: it reads nothing and knows no clock.
package story

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Phase is a load and the replicas at which the rule should settle under it.
type Phase struct {
	Starts   int // process instances per interval of the starter
	Replicas int
}

// Default is the demo's story.
func Default() []Phase {
	return []Phase{{5, 1}, {120, 3}, {500, 4}, {5, 1}}
}

// Parse reads phases as in "5:1,120:3".
func Parse(text string) ([]Phase, error) {
	var phases []Phase
	for part := range strings.SplitSeq(text, ",") {
		starts, replicas, _ := strings.Cut(strings.TrimSpace(part), ":")
		s, err1 := strconv.Atoi(starts)
		r, err2 := strconv.Atoi(replicas)
		if err1 != nil || err2 != nil || s < 0 || r < 1 {
			return nil, fmt.Errorf("phase %q: want STARTS:REPLICAS as in 120:3", part)
		}
		phases = append(phases, Phase{s, r})
	}
	return phases, nil
}

// Format is the inverse of Parse.
func Format(phases []Phase) string {
	var parts []string
	for _, p := range phases {
		parts = append(parts, fmt.Sprintf("%d:%d", p.Starts, p.Replicas))
	}
	return strings.Join(parts, ",")
}

// Observation is one decision of the scaler and what was observed with it.
type Observation struct {
	At          time.Time // when it was seen
	Asked       int       // starts per interval that the starter was asked for
	Started     *float64  // the sample that was decided on; nil if there was none
	Scraped     time.Time // when that sample was scraped
	PerInstance *float64  // nil if unknown
	From, To    int       // replicas before and after; 0 if unknown
	Ready       int       // Pods of the workload that are ready
	Action      string    // up, down or none
	Reason      string    // the scaler's
}

// What counts as settled: replicas that only pass through their number on the
// way to another do not.
const (
	holds   = 2                // decisions in a row to stay at the number, on samples of the phase
	holdFor = 20 * time.Second // and how long it has been the number
	jitter  = time.Second      // of decisions that come every ten seconds
)

// Progress follows one phase.
type Progress struct {
	Phase   Phase
	Begun   time.Time
	Since   time.Time     // when the replicas last changed, which may be before the phase
	Steps   []int         // the replicas one after the other
	Reached time.Duration // from the start of the phase to the last change of the replicas; 0 if there was none
	Settled time.Duration // from the start of the phase until that was certain; 0 if it is not yet
	held    int
}

// Start starts a phase with so many replicas, and since when there are so many.
func Start(p Phase, at time.Time, replicas int, since time.Time) *Progress {
	return &Progress{Phase: p, Begun: at, Since: since, Steps: []int{replicas}}
}

// Observe takes the next decision into account and returns whether the phase
// is settled.
func (p *Progress) Observe(o Observation) bool {
	if o.To != 0 && o.To != p.Steps[len(p.Steps)-1] {
		p.Steps = append(p.Steps, o.To)
		p.Since, p.Reached = o.At, o.At.Sub(p.Begun)
		p.held, p.Settled = 0, 0
	}
	fresh := o.Started != nil && o.Scraped.After(p.Begun)
	if fresh && o.From == p.Phase.Replicas && o.To == p.Phase.Replicas && o.Ready == p.Phase.Replicas {
		p.held++
	} else {
		p.held = 0
	}
	if p.Settled == 0 && p.held >= holds && o.At.Sub(p.Since) >= holdFor-jitter {
		p.Settled = o.At.Sub(p.Begun)
	}
	return p.Settled > 0
}
