package fleet

import (
	"maps"
	"slices"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
)

// grace is for how long a workload that no query names any more is still looked
// at, and holds.
const grace = 10 * time.Minute

// found are the workloads that a group's queries name, or named not long ago.
// It is a value: update returns a new one.
type found map[query.Key]time.Time // since when it is absent; zero while it is named

// update returns what is found after an answer at now that names these
// workloads, and which of them are new and which are dropped. Unless the answer
// is complete, that a workload is not named means nothing.
func (f found) update(named []query.Key, complete bool, now time.Time) (next found, added, dropped []query.Key) {
	next = maps.Clone(f)
	if next == nil {
		next = found{}
	}
	is := make(map[query.Key]bool, len(named))
	for _, key := range named {
		if _, known := f[key]; !known && !is[key] {
			added = append(added, key)
		}
		is[key] = true
		next[key] = time.Time{}
	}
	if !complete {
		return next, added, nil
	}
	for key, since := range f {
		switch {
		case is[key]:
		case since.IsZero():
			next[key] = now
		case now.Sub(since) >= grace:
			delete(next, key)
			dropped = append(dropped, key)
		}
	}
	slices.SortFunc(dropped, query.Key.Compare)
	return next, added, dropped
}
