package app

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"github.com/camunda-autoscaler/camunda-autoscaler/starter/camunda"
)

// report gathers one log line's worth of starts.
type report struct {
	mu        sync.Mutex
	requested int
	skipped   int
	failed    map[camunda.Cause]int
	durations []time.Duration // of the starts that the engine confirmed
	lastErr   error
}

func (r *report) request() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requested++
}

func (r *report) skip(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requested += n
	r.skipped += n
}

func (r *report) done(took time.Duration, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.durations = append(r.durations, took)
		return
	}
	if r.failed == nil {
		r.failed = map[camunda.Cause]int{}
	}
	r.failed[camunda.CauseOf(err)]++
	r.lastErr = err
}

// log writes the line and starts over. A start may be requested in one line and
// confirmed in the next.
func (r *report) log(logger log.Logger) {
	r.mu.Lock()
	requested, skipped, failed, durations, lastErr := r.requested, r.skipped, r.failed, r.durations, r.lastErr
	r.requested, r.skipped, r.failed, r.durations, r.lastErr = 0, 0, nil, nil, nil
	r.mu.Unlock()

	slices.Sort(durations)
	failures := 0
	var causes []string
	for _, cause := range slices.Sorted(maps.Keys(failed)) {
		failures += failed[cause]
		causes = append(causes, string(cause)+":"+strconv.Itoa(failed[cause]))
	}
	line := []any{"msg", "starts", "requested", requested, "started", len(durations), "failed", failures, "skipped", skipped}
	if len(durations) > 0 {
		line = append(line, "mean", mean(durations), "p95", percentile95(durations))
	}
	if failures == 0 && skipped == 0 {
		level.Info(logger).Log(line...)
		return
	}
	if failures > 0 {
		line = append(line, "causes", strings.Join(causes, ","), "last_err", lastErr)
	}
	level.Warn(logger).Log(line...)
}

func mean(ds []time.Duration) time.Duration {
	var sum time.Duration
	for _, d := range ds {
		sum += d
	}
	return (sum / time.Duration(len(ds))).Round(100 * time.Microsecond)
}

// percentile95 returns the nearest-rank percentile of sorted durations.
func percentile95(sorted []time.Duration) time.Duration {
	rank := (len(sorted)*95 + 99) / 100
	return sorted[rank-1].Round(100 * time.Microsecond)
}
