// Package playtest plays stories as tests.
package playtest

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/play"
)

// Parts plays each part as a subtest, until one fails.
func Parts(t *testing.T, parts []play.Part) (passed bool) {
	for _, part := range parts {
		began := time.Now()
		passed := t.Run(part.Name, func(t *testing.T) {
			if err := part.Play(t.Context()); err != nil {
				t.Errorf("promised: %s\n%v", part.Promise, err)
			}
		})
		if !passed {
			return false
		}
		t.Logf("%s: %.0f s", part.Name, time.Since(began).Seconds())
	}
	return true
}

// System is what a story is played on.
type System interface {
	Down()           // ends everything
	Problems() error // with Pods
}

// End ends a system after the test, and removes its folder, unless the test has failed.
func End(t *testing.T, s System, dir string) {
	t.Cleanup(func() {
		s.Down()
		var children syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children); err == nil {
			t.Logf("all processes took %.0f s of CPU time", time.Duration(children.Utime.Nano()+children.Stime.Nano()).Seconds())
		}
		if t.Failed() {
			t.Logf("problems in Pods: %v; the logs are in %s", s.Problems(), dir)
			return
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
}
