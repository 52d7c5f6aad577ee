package screen

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/demo/story"
)

const summary = "%6s  %8s  %-12s  %9s  %10s  %s"

// Summary writes a table of all phases, and of those that were not played.
func (s *Screen) Summary(phases []story.Phase, played []*story.Progress) {
	s.Title("Summary")
	s.Say(summary, "starts", "replicas", "", "last", "", "as")
	s.Say(summary, "in 10s", "expected", "replicas", "change at", "settled at", "expected")
	for i, phase := range phases {
		starts, expected := strconv.Itoa(phase.Starts), strconv.Itoa(phase.Replicas)
		if i >= len(played) {
			s.Say(summary, starts, expected, "", "", "", "not played")
			continue
		}
		p := played[i]
		verdict, settled := s.paint("32", "ok"), seconds(p.Settled)
		if p.Settled == 0 {
			verdict, settled = s.paint("31", "NOT SETTLED"), "-"
		}
		s.Say(summary, starts, expected, steps(p.Steps), seconds(p.Reached), settled, verdict)
	}
	s.Say("Times are from the start of the phase. Settled: the rule has left the replicas\nthere for 20 s and at least two decisions, and as many Pods are ready.")
}

func steps(replicas []int) string {
	var text []string
	for _, r := range replicas {
		text = append(text, strconv.Itoa(r))
	}
	return strings.Join(text, "->")
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.0f s", d.Seconds()) }
