package fleet

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// How many members read their samples at a time. Those of a group all wait for one
// answer. Of separate targets, more than are asked in all requests that are in
// flight would only wait for those.
const (
	groupTurns      = 16
	connectionTurns = 1000
)

// turns starts the cycles of members when they are due, and not too many at a
// time: each takes a goroutine with 8 KiB of stack, and ten thousand can be due at
// the same moment. Members that wait take neither.
type turns struct {
	mu    sync.Mutex
	free  int
	queue queue       // of the members that wait, the first that is due first
	timer *time.Timer // of the first of them, while turns are free
}

func newTurns(n int) *turns {
	t := &turns{free: n}
	t.timer = time.AfterFunc(time.Hour, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.start()
	})
	t.timer.Stop()
	return t
}

// turnsOf returns the turns of those whose samples come from there.
func turnsOf(source any) *turns {
	switch source := source.(type) {
	case *group:
		return source.turns
	case *connection:
		return source.turns
	}
	return nil
}

// after lets a member's next cycle start after that time. It returns false if
// there is to be none.
func (t *turns) after(ctx context.Context, m *member, wait time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil {
		return false
	}
	m.due = time.Now().Add(wait)
	heap.Push(&t.queue, m)
	t.start()
	return true
}

// leave takes a member whose context has ended out of the queue. It returns false
// if a cycle runs, which then is the last.
func (t *turns) leave(m *member) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !m.waits {
		return false
	}
	heap.Remove(&t.queue, m.index)
	return true
}

// give gives a member's turn back, if that was not done before.
func (t *turns) give(m *member) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m.turn {
		m.turn = false
		t.free++
		t.start()
	}
}

// start starts what is due, as far as there are turns. The mutex is held.
func (t *turns) start() {
	for t.free > 0 && len(t.queue) > 0 {
		if left := time.Until(t.queue[0].due); left > 0 {
			t.timer.Reset(left)
			return
		}
		m := heap.Pop(&t.queue).(*member)
		t.free--
		m.turn = true
		go m.cycle()
	}
}

// queue implements heap.Interface.
type queue []*member

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *queue) Push(x any) {
	m := x.(*member)
	m.index, m.waits = len(*q), true
	*q = append(*q, m)
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	m := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	m.waits = false
	return m
}

// yielding gives the turn back once the samples are read (or before, in the first
// cycle, which reads the workload first). What a cycle then asks of the API server
// may take its time, and writes are put in order among all that wait.
type yielding struct {
	loop.Scaler
	member *member
}

func (y yielding) Get(ctx context.Context) (workload.Scale, error) {
	y.member.turns.give(y.member)
	return y.Scaler.Get(ctx)
}
