package journal

import (
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
)

// Target is the journal of one target. It observes the target's decisions.
type Target struct {
	journal *Journal

	mu      sync.Mutex
	target  *config.Target
	running bool
	started time.Time // of the loop that runs, or ran last
	chunks  []*chunk  // the oldest first
	last    packed    // the last decision
	since   time.Time // since when its action and reason are what they are
	acted   packed    // the last decision that was a step
}

// packed is one decision, in a few hundred bytes. It is empty if its target is nil.
type packed struct {
	target  *config.Target
	numbers []byte
	texts   []string
}

// set packs another decision, into the same memory.
func (p *packed) set(t *config.Target, f *fields) {
	p.target = t
	p.numbers = appendNumbers(p.numbers[:0], f.numbers, nil)
	p.texts = append(p.texts[:0], f.texts...)
}

// fields unpacks it into f, whose memory is used again.
func (p packed) fields(f *fields) *fields {
	f.numbers, f.texts = f.numbers[:0], append(f.texts[:0], p.texts...)
	if p.target != nil {
		readNumbers(p.numbers, &f.numbers)
	}
	return f
}

func (p packed) entry() *Entry {
	if p.target == nil {
		return nil
	}
	e := unpack(p.fields(&fields{}), p.target)
	return &e
}

func (p packed) clone() packed {
	return packed{p.target, slices.Clone(p.numbers), slices.Clone(p.texts)}
}

// Configure sets what is decided on from now on.
func (t *Target) Configure(target config.Target) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.target = &target
}

// Config returns what is decided on.
func (t *Target) Config() config.Target {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.target == nil {
		return config.Target{}
	}
	return *t.target
}

// Start notes that the target's loop runs.
func (t *Target) Start() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running, t.started = true, time.Now()
}

// Stop notes that the target's loop has ended. What it decided is kept.
func (t *Target) Stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = false
}

// Forget drops all decisions: the loop has ended, and the next is of another
// workload.
func (t *Target) Forget() {
	t.mu.Lock()
	chunks := t.chunks
	t.running, t.chunks, t.last, t.acted = false, nil, packed{}, packed{}
	t.mu.Unlock()
	t.journal.drop(chunks)
}

// Observe implements loop.Observer.
func (t *Target) Observe(d loop.Decision) {
	if c := t.observe(Entry{At: time.Now().Truncate(time.Millisecond), Decision: d}); c != nil {
		t.journal.add(c)
	}
}

// observe returns the chunk that was added, if one had to be.
func (t *Target) observe(e Entry) (added *chunk) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !e.Repeat || t.last.target == nil {
		t.since = e.At
	}
	if e.Target != nil {
		t.target = e.Target // one copy for all that tell of it
	}
	s := t.journal.scratch.Get().(*scratch)
	defer t.journal.scratch.Put(s)
	pack(&s.now, e)
	if t.journal.max > 0 && !t.appendTo(s) {
		data := appendDelta(make([]byte, 0, chunkSize), &s.now, &fields{})
		added = &chunk{of: t, target: t.target, data: data, size: cap(data) + overhead}
		t.chunks = append(t.chunks, added)
	}
	t.last.set(t.target, &s.now)
	if action, _ := e.Result(); action != decide.None {
		t.acted = t.last.clone()
	}
	return added
}

// scratch is memory to pack a decision in, and the one before it.
type scratch struct{ now, before fields }

// appendTo appends to the last chunk, and returns whether there was room in it.
func (t *Target) appendTo(s *scratch) bool {
	n := len(t.chunks)
	if n == 0 || t.chunks[n-1].target != t.target {
		return false
	}
	open := t.chunks[n-1]
	data := appendDelta(open.data, &s.now, t.last.fields(&s.before))
	if cap(data) > cap(open.data) { // it is a copy
		return false
	}
	open.data = data
	return true
}

// evict drops a chunk: it was the oldest of all.
func (t *Target) evict(c *chunk) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.chunks, c); i >= 0 {
		t.chunks = t.chunks[i+1:]
	}
}

// Status is what a target is, and does now.
type Status struct {
	Target  config.Target
	Running bool      // whether its loop runs
	Started time.Time // of the loop that runs, or ran last; zero if none did
	Last    *Entry    // the last decision; nil if there was none
	Since   time.Time // since when its action and reason are what they are
	Acted   *Entry    // the last step that was taken, in a dry run also one that would have been; nil if there was none
}

// Status returns what the target is, and does now.
func (t *Target) Status() Status {
	t.mu.Lock()
	s := Status{Running: t.running, Started: t.started, Since: t.since}
	if t.target != nil {
		s.Target = *t.target
	}
	last, acted := t.last.clone(), t.acted // the one is about to be used again, the other never is
	t.mu.Unlock()
	s.Last, s.Acted = last.entry(), acted.entry()
	return s
}

// Backward returns the decisions from before a time, the newest first. They are
// those that are there when it is called.
func (t *Target) Backward(before time.Time) iter.Seq[Entry] {
	t.mu.Lock()
	chunks := t.chunks
	var open []byte
	if n := len(chunks); n > 0 {
		open = chunks[n-1].data
	}
	t.mu.Unlock()
	return func(yield func(Entry) bool) {
		for i, c := range slices.Backward(chunks) {
			data := open
			if i < len(chunks)-1 {
				data = c.data // which does not grow any more
			}
			for _, e := range slices.Backward(entries(data, c.target, before)) {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// entries returns a chunk's decisions from before a time, the oldest first.
func entries(data []byte, target *config.Target, before time.Time) []Entry {
	var all []Entry
	var f fields
	for len(data) > 0 {
		data = readDelta(data, &f)
		var at time.Time
		(&codec{fields: &f, out: true}).Time(&at)
		if !at.Before(before) {
			break
		}
		all = append(all, unpack(&f, target))
	}
	return all
}
