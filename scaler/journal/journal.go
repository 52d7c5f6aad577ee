// Package journal keeps every decision in memory, for as long as there is room:
// what it was made from, what was decided, and what became of it.
package journal

import (
	"maps"
	"slices"
	"sync"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
)

// Journal keeps the decisions of all targets. When it is full, the oldest go
// first, whichever target they are of, so that it reaches back equally far for
// all. Any goroutine may call its methods.
type Journal struct {
	max     int       // bytes
	scratch sync.Pool // of *scratch

	mu      sync.Mutex
	targets map[string]*Target

	room   sync.Mutex
	used   int      // bytes
	chunks []*chunk // the oldest first
	dead   int      // how many of them belong to no target any more
}

// chunk holds decisions on one target that follow one another. Its data only
// grows within its capacity and is never changed, so what a reader has seen of
// it stays as it is.
type chunk struct {
	of     *Target
	target *config.Target // as it was configured then
	data   []byte
	size   int // bytes that it counts for; 0 if it belongs to no target any more. Guarded by room
}

// chunkSize is what a target gets at once. The first decision in a chunk takes
// about ten times as much as the others.
const chunkSize = 2048

// overhead is what a chunk takes besides its data.
const overhead = 128

// New returns an empty journal that keeps at most so many bytes, and about 1 KiB
// for the last decision on each target. With 0 bytes it keeps only that.
func New(maxBytes int) *Journal {
	return &Journal{max: maxBytes, targets: map[string]*Target{}, scratch: sync.Pool{New: func() any { return &scratch{} }}}
}

// Target returns the named target's journal, a new one if there is none yet.
func (j *Journal) Target(name string) *Target {
	j.mu.Lock()
	defer j.mu.Unlock()
	t := j.targets[name]
	if t == nil {
		t = &Target{journal: j}
		j.targets[name] = t
	}
	return t
}

// Find returns the named target's journal, nil if there is none.
func (j *Journal) Find(name string) *Target {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.targets[name]
}

// Names returns the names of all targets, sorted.
func (j *Journal) Names() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Sorted(maps.Keys(j.targets))
}

// Remove drops the named target.
func (j *Journal) Remove(name string) {
	j.mu.Lock()
	t := j.targets[name]
	delete(j.targets, name)
	j.mu.Unlock()
	if t != nil {
		t.Forget()
	}
}

// add counts a new chunk, and makes room for it. No lock of a target may be held.
func (j *Journal) add(c *chunk) {
	j.room.Lock()
	j.chunks = append(j.chunks, c)
	j.used += c.size
	var oldest []*chunk
	for j.used > j.max && len(j.chunks) > 0 {
		old := j.chunks[0]
		j.chunks = j.chunks[1:]
		if old.size == 0 {
			j.dead--
			continue
		}
		j.used -= old.size
		old.size = 0
		oldest = append(oldest, old)
	}
	j.room.Unlock()
	for _, old := range oldest {
		old.of.evict(old)
	}
}

// drop counts chunks no longer, which belong to no target any more.
func (j *Journal) drop(chunks []*chunk) {
	j.room.Lock()
	defer j.room.Unlock()
	for _, c := range chunks {
		if c.size > 0 {
			j.used -= c.size
			c.size = 0
			j.dead++
		}
	}
	if j.dead > len(j.chunks)/2 {
		j.chunks = slices.DeleteFunc(slices.Clone(j.chunks), func(c *chunk) bool { return c.size == 0 })
		j.dead = 0
	}
}
