package window_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/window"
)

// history is an engine's: instances that become visible when their transaction
// commits, and that may be deleted.
type history struct {
	now       time.Time
	instances []instance
}

type instance struct {
	started, visible time.Time
	deleted          bool
}

func (h *history) count(w window.Window) uint64 {
	var n uint64
	for _, i := range h.instances {
		if !i.deleted && !i.visible.After(h.now) && !i.started.Before(w.Start) && !i.started.After(w.Last()) {
			n++
		}
	}
	return n
}

// truth is how many visible instances were ever started in a stretch.
func (h *history) truth(from, to time.Time) uint64 {
	var n uint64
	for _, i := range h.instances {
		if !i.visible.After(h.now) && !i.started.Before(from) && i.started.Before(to) {
			n++
		}
	}
	return n
}

var epoch = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

func second(n int) time.Time { return epoch.Add(time.Duration(n) * time.Second) }

// step does what a reader does at a refresh.
func step(l *window.Ledger, h *history, end time.Time, recount bool) {
	if w, ok := l.Next(end); ok {
		l.Advance(end, h.count(w))
	}
	if w, ok := l.Open(); ok && recount {
		l.Recount(w, h.count(w))
	}
}

func TestLedger(t *testing.T) {
	const horizon = time.Minute
	type event struct {
		at     int    // seconds since the start
		commit []int  // start times of instances that become visible now
		delete int    // so many instances are deleted now, oldest first
		end    int    // end of the window that a refresh asks for; 0: no refresh
		want   uint64 // total afterwards
	}
	for _, test := range []struct {
		name   string
		events []event
	}{
		{"nothing happens", []event{{at: 10, end: 10, want: 0}, {at: 20, end: 20, want: 0}}},
		{"before the start is not counted", []event{{at: 10, commit: []int{-1, 0}, end: 10, want: 1}}},
		{"a window's end belongs to the next", []event{{at: 20, commit: []int{9, 10}, end: 10, want: 1}, {at: 30, end: 20, want: 2}}},
		{"missed scrapes lose nothing", []event{{at: 10, commit: []int{5}, end: 10, want: 1}, {at: 3610, commit: []int{11, 1800, 3600}, end: 3609, want: 4}}},
		{"two scrapers count nothing twice", []event{{at: 10, commit: []int{5}, end: 9, want: 1}, {at: 10, end: 9, want: 1}, {at: 11, end: 10, want: 1}}},
		{"a clock that steps back counts nothing twice", []event{{at: 30, commit: []int{5, 25}, end: 29, want: 2}, {at: 30, end: 9, want: 2}, {at: 40, end: 39, want: 2}}},
		{"late instances are found", []event{{at: 10, commit: []int{5}, end: 9, want: 1}, {at: 20, commit: []int{6, 7}, end: 19, want: 3}}},
		{"late by just less than the horizon", []event{{at: 10, end: 9, want: 0}, {at: 68, commit: []int{8}, end: 68, want: 1}}},
		{"late after the engine was away", []event{{at: 10, commit: []int{1}, end: 9, want: 1}, {at: 3610, commit: []int{8}, end: 3609, want: 2}}},
		{"deleted history stays counted", []event{{at: 10, commit: []int{1, 2}, end: 9, want: 2}, {at: 20, delete: 2, end: 19, want: 2}}},
		{"deleted history does not hide later starts", []event{
			{at: 10, commit: []int{1, 2, 3}, end: 9, want: 3},
			{at: 20, delete: 3, end: 19, want: 3},
			{at: 30, commit: []int{4, 25}, end: 29, want: 5},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := &history{}
			l := window.NewLedger(epoch, horizon)
			for i, e := range test.events {
				h.now = second(e.at)
				for _, started := range e.commit {
					h.instances = append(h.instances, instance{started: second(started), visible: h.now})
				}
				for j := range e.delete {
					h.instances[j].deleted = true
				}
				step(l, h, second(e.end), true)
				if l.Total() != e.want {
					t.Fatalf("total is %d after event %d, want %d", l.Total(), i, e.want)
				}
			}
		})
	}
}

// What is open always reaches back at least a horizon, and not without bound.
func TestLedgerOpenRange(t *testing.T) {
	const horizon = time.Minute
	l := window.NewLedger(epoch, horizon)
	if _, ok := l.Open(); ok {
		t.Fatal("something is open before anything was counted")
	}
	since := map[window.Window]bool{}
	for end := 10; end <= 3600; end += 10 {
		l.Advance(second(end), 1)
		w, ok := l.Open()
		if !ok {
			t.Fatal("nothing is open")
		}
		if oldest := second(end).Add(-3*horizon - 30*time.Second); w.Start.Before(oldest) {
			t.Fatalf("at %d s a recount still begins at %v", end, w.Start.Sub(epoch))
		}
		if w.Length() > horizon+10*time.Second {
			t.Fatalf("a recount covers %v", w.Length())
		}
		l.Recount(w, uint64(w.Length()/(10*time.Second)))
		since[w] = true
	}
	if l.Total() != 360 {
		t.Errorf("total is %d, want 360", l.Total())
	}
	l.Recount(window.Window{Start: epoch, End: second(10)}, 99)
	if l.Total() != 360 {
		t.Error("a recount of what is not open was added")
	}
}

func TestLedgerTellsWhatARecountFound(t *testing.T) {
	l := window.NewLedger(epoch, time.Minute)
	l.Advance(second(10), 5)
	w, _ := l.Open()
	if late, vanished := l.Recount(w, 7); late != 2 || vanished != 0 {
		t.Errorf("got %d late and %d vanished, want 2 and 0", late, vanished)
	}
	if late, vanished := l.Recount(w, 0); late != 0 || vanished != 7 {
		t.Errorf("got %d late and %d vanished, want 0 and 7", late, vanished)
	}
}

// simulate runs an engine and a ledger by chance, and returns the ledger's
// total and the truth. Instances become visible up to lateness after their
// start, refreshes are irregular and sometimes far apart.
func simulate(seed uint64, lateness, horizon time.Duration, deletions bool) (total, truth uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	h := &history{now: epoch}
	l := window.NewLedger(epoch, horizon)
	end := epoch
	for range 150 {
		pause := time.Duration(1+random.IntN(20)) * time.Second
		if random.IntN(30) == 0 {
			pause = time.Duration(random.IntN(300)) * time.Second
		}
		for range random.IntN(20) {
			started := h.now.Add(time.Duration(random.Int64N(int64(pause) + 1)).Truncate(time.Millisecond))
			visible := started
			if random.IntN(3) == 0 {
				visible = started.Add(time.Duration(random.Int64N(int64(lateness))))
			}
			h.instances = append(h.instances, instance{started: started, visible: visible})
		}
		h.now = h.now.Add(pause)
		end = window.End(h.now, time.Second)
		step(l, h, end, random.IntN(3) > 0)
		if deletions && random.IntN(10) == 0 {
			// Everything is counted, then deleted, then counted again, so that no
			// instance becomes visible between the counts around a deletion.
			drain(l, h)
			for i := range h.instances {
				if random.IntN(2) == 0 && !h.instances[i].visible.After(h.now) && h.instances[i].started.Before(end) {
					h.instances[i].deleted = true
				}
			}
			drain(l, h)
		}
	}
	// Afterwards nothing starts any more, and the last ones become visible.
	for range 6 {
		h.now = h.now.Add(lateness / 6)
		step(l, h, end, true)
	}
	drain(l, h)
	return l.Total(), h.truth(epoch, end)
}

// drain recounts all that is open.
func drain(l *window.Ledger, h *history) {
	for range 8 {
		if w, ok := l.Open(); ok {
			l.Recount(w, h.count(w))
		}
	}
}

// Whatever is late by less than the horizon is counted once.
func TestLedgerTotalIsTheTruth(t *testing.T) {
	for seed := range uint64(50) {
		for _, deletions := range []bool{false, true} {
			if total, truth := simulate(seed, 50*time.Second, time.Minute, deletions); total != truth {
				t.Fatalf("seed %d, deletions %t: total is %d, history says %d", seed, deletions, total, truth)
			}
		}
	}
}

// Whatever counts come in, in whatever order, the total never falls, and no
// window is asked for twice.
func FuzzLedger(f *testing.F) {
	f.Add([]byte{10, 3, 0, 10, 5, 1, 200, 9, 1, 0, 0, 1})
	f.Add([]byte{255, 255, 1, 1, 0, 1, 0, 0, 1})
	f.Fuzz(func(t *testing.T, input []byte) {
		l := window.NewLedger(epoch, 30*time.Second)
		end, counted, last := epoch, epoch, uint64(0)
		for ; len(input) >= 3; input = input[3:] {
			end = end.Add(time.Duration(int8(input[0])) * time.Second)
			if w, ok := l.Next(end); ok {
				if !w.Start.Equal(counted) || !w.End.Equal(end) {
					t.Fatalf("next window is %v, but counted up to %v", w, counted)
				}
				l.Advance(end, uint64(input[1]))
				counted = end
				if l.Total() != last+uint64(input[1]) {
					t.Fatalf("total went from %d to %d by %d", last, l.Total(), input[1])
				}
			}
			last = l.Total()
			if w, ok := l.Open(); ok && input[2]%2 == 1 {
				if w.Start.Before(epoch) || w.End.After(counted) || w.Length() <= 0 {
					t.Fatalf("open is %v, but counted up to %v", w, counted)
				}
				l.Recount(w, uint64(input[2]))
			}
			if l.Total() < last {
				t.Fatalf("total fell from %d to %d", last, l.Total())
			}
			last = l.Total()
		}
	})
}
