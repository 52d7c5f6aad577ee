package loop_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// A scaler is started while the exporter is down, and what it sees first is the
// end of that outage. How long that was says nothing about how old a sample may
// be: the next one moves nothing once it is older than 30 s.
func TestOutageAtStartIsNoSpacing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, w := newFakePrometheus(10*time.Second, 0), &fakeWorkload{replicas: 2}
		var back time.Time // when the exporter was scraped once more
		down := time.Now()
		p.answer = func(newest sample.Result) sample.Result {
			newest.Timestamp = down
			if !back.IsZero() {
				newest.Timestamp = back
			}
			return newest
		}
		time.Sleep(4 * time.Minute)
		f := newFixture(p, w)
		f.run(time.Minute)
		w.getErr = errors.New("refused") // so that the sample is not used up
		back = time.Now()
		f.run(35 * time.Second)
		w.getErr = nil
		f.run(5 * time.Minute)
		if len(w.sets) > 0 {
			t.Errorf("a sample %s old moved it:\n%s", w.sets[0].Sub(back), f.log)
		}
	})
}
