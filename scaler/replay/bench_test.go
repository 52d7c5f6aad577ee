package replay_test

import (
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/replay"
)

// daily is a recording of ten-second samples with a day's course, made while it
// is read.
type daily struct {
	from time.Time
	n    int
}

func (d daily) Each(yield func([]replay.Observation) error) error {
	batch := make([]replay.Observation, 0, 1024)
	for i := range d.n {
		at := d.from.Add(time.Duration(i) * 10 * time.Second)
		value := 100 + 90*math.Sin(float64(i)/8640*2*math.Pi) + float64(i*7919%13)
		batch = append(batch, replay.Observation{Seen: at.UnixNano(), At: at.UnixNano(), Value: value})
		if len(batch) == cap(batch) {
			if err := yield(batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return yield(batch)
}

func replayed(tb testing.TB, days int) *replay.Run {
	from := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	o := replay.Options{From: from, To: from.AddDate(0, 0, days), Judge: replay.JudgeOf(target()), Columns: 720}
	run := replay.NewRun(target(), o)
	if err := replay.Drive(tb.Context(), daily{from, days * 8640}, []replay.Consumer{run}); err != nil {
		tb.Fatal(err)
	}
	if len(run.Steps) < 2*days {
		tb.Fatalf("%d steps", len(run.Steps))
	}
	return run
}

// BenchmarkReplay replays a month and a year of ten-second samples.
func BenchmarkReplay(b *testing.B) {
	for _, days := range []int{30, 365} {
		b.Run(fmt.Sprint(days, "d"), func(b *testing.B) {
			for b.Loop() {
				replayed(b, days)
			}
			b.ReportMetric(float64(days*8640*b.N)/b.Elapsed().Seconds(), "samples/s")
		})
	}
}

// What a replay needs does not grow with its length.
func TestMemoryIsFlat(t *testing.T) {
	held := func(days int) uint64 {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		run := replayed(t, days)
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(run)
		return after.HeapAlloc - min(before.HeapAlloc, after.HeapAlloc)
	}
	week, five := held(7), held(35)
	t.Logf("a week holds %d kB, five weeks %d kB", week>>10, five>>10)
	if five > week+1<<20 {
		t.Errorf("five weeks hold %d bytes, a week %d", five, week)
	}
}
