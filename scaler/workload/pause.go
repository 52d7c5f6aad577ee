package workload

import (
	"fmt"
	"strings"
	"time"
)

// The annotations by which people pause a workload.
const (
	// PausedAnnotation forbids steps up if its value is "up", steps down if it is
	// "down", and both if it is anything else but "false".
	PausedAnnotation = "camunda-autoscaler/paused"
	// PausedUntilAnnotation is when the pause ends, as in RFC 3339. Alone it
	// forbids both. One that is no time ends no pause.
	PausedUntilAnnotation = "camunda-autoscaler/paused-until"
)

// Pause forbids steps.
type Pause struct {
	Up, Down bool
	Until    time.Time // when it ends; zero if it does not end by itself
}

// At returns what the pause forbids at that time.
func (p Pause) At(now time.Time) Pause {
	if !p.Until.IsZero() && !now.Before(p.Until) {
		return Pause{}
	}
	return p
}

// Any reports whether anything is forbidden.
func (p Pause) Any() bool { return p.Up || p.Down }

// pauseOf reads the annotations; nil is one that is not there. On an error the
// pause has no end.
func pauseOf(paused, until *string) (Pause, error) {
	var p Pause
	if paused != nil || until != nil {
		p = Pause{Up: true, Down: true}
	}
	if paused != nil {
		switch strings.TrimSpace(*paused) {
		case "false":
			return Pause{}, nil
		case "up":
			p.Down = false
		case "down":
			p.Up = false
		}
	}
	if until == nil {
		return p, nil
	}
	at, err := time.Parse(time.RFC3339, strings.TrimSpace(*until))
	if err != nil {
		return p, fmt.Errorf("annotation %s: %q: want a time with its zone, for example 2026-12-01T08:00:00Z", PausedUntilAnnotation, *until)
	}
	p.Until = at
	return p, nil
}
