package query

import (
	"context"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// Member reads the samples of one of the workloads that share a query. It is
// used by one goroutine at a time.
type Member struct {
	shared *Shared
	key    Key
	sample sample.Result // what the last answer had
}

// Newest finds out when the newest sample was scraped, as a Reader's does. A
// workload that the answer leaves out has no data.
func (m *Member) Newest(ctx context.Context) sample.Result {
	l := m.shared.look(ctx)
	f, known := l.samples[m.key]
	switch {
	case l.err != nil:
		f.newest = sample.Result{Outcome: sample.Failed, Err: l.err}
		f.sample = f.newest
	case known && f.sample.Outcome != sample.NoData:
	case m.shared.options.Zero && l.whole:
		if !known {
			f.newest = sample.Result{Outcome: sample.Value, Timestamp: l.now}
		}
		f.sample = sample.Result{Outcome: sample.Value, Empty: true}
		f.newest.Empty = f.newest.Outcome == sample.Value
	default:
		f = found{sample.Result{Outcome: sample.NoData}, sample.Result{Outcome: sample.NoData}}
	}
	// A kept answer's samples have got older since.
	f.newest.Now = l.clock()
	m.sample = f.sample
	return f.newest
}

// At returns the sample that Newest found: of the very same answer, so it asks
// for nothing.
func (m *Member) At(_ context.Context, newest sample.Result) sample.Result {
	res := m.sample
	if res.Outcome == sample.Failed && res.Err == nil {
		res = failure("there is no sample of %s", m.key)
	}
	res.Timestamp, res.Now = newest.Timestamp, newest.Now
	return res
}
