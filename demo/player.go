package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/demo/screen"
	"github.com/camunda-autoscaler/camunda-autoscaler/demo/story"
	"github.com/camunda-autoscaler/camunda-autoscaler/demo/watch"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/stack"
)

// poll is how often the scaler is looked at.
const poll = 200 * time.Millisecond

// player plays the story on the stack and shows what happens.
type player struct {
	stack   *stack.Stack
	screen  *screen.Screen
	timeout time.Duration // for a phase to settle

	decisions    watch.Decisions
	log          *os.File // the scaler's
	unread       string   // of the log: the start of a line
	firstScaling time.Time
	explained    []explained // at the end of each phase
}

// explained is what the scaler says of itself.
type explained struct{ did, next string }

func newPlayer(s *stack.Stack, sc *screen.Screen, timeout time.Duration) (*player, error) {
	log, err := os.Open(s.ScalerLog())
	if err != nil {
		return nil, fmt.Errorf("open the scaler's log: %w", err)
	}
	return &player{stack: s, screen: sc, timeout: timeout, log: log}, nil
}

// play plays all phases, even if one does not settle. If it returns an error,
// it also returns the phases until then.
func (p *player) play(ctx context.Context, phases []story.Phase) ([]*story.Progress, error) {
	var played []*story.Progress
	since := p.stack.Deployed
	for i, phase := range phases {
		p.screen.Title("Phase %d of %d: %d starts per 10 s, should settle at %s", i+1, len(phases), phase.Starts, replicas(phase.Replicas))
		p.screen.Columns()
		if err := p.stack.SetRate(ctx, phase.Starts); err != nil {
			return played, err
		}
		desired, _, err := p.stack.Replicas(ctx)
		if err != nil {
			return played, err
		}
		progress := story.Start(phase, time.Now(), desired, since)
		played = append(played, progress)
		if err := p.phase(ctx, progress); err != nil {
			return played, err
		}
		since = progress.Since
	}
	return played, nil
}

func (p *player) phase(ctx context.Context, progress *story.Progress) error {
	inTime, cancel := context.WithDeadline(ctx, progress.Begun.Add(p.timeout))
	defer cancel()
	err := p.watch(inTime, progress.Observe)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		p.screen.Bad("  Not settled at %s within %s.", replicas(progress.Phase.Replicas), p.timeout)
	case err != nil:
		return err
	default:
		p.screen.Good("  Settled at %s, %.0f s after the phase began.", replicas(progress.Phase.Replicas), progress.Settled.Seconds())
	}
	last, err := watch.Last(ctx, p.stack.Scaler, target)
	if err != nil {
		return err
	}
	p.explained = append(p.explained, explained{last.Did, last.Next})
	return nil
}

// target is the name of the scaler's only target.
const target = "camunda-deployment"

// explain shows what the scaler said at the end of each phase.
func (p *player) explain(phases []story.Phase) {
	if len(p.explained) == 0 {
		return
	}
	p.screen.Title("What camunda-scaler explain said at the end of each phase")
	for i, e := range p.explained {
		p.screen.Say("%d starts per 10 s", phases[i].Starts)
		p.screen.Text(e.did)
		p.screen.Text(e.next)
	}
}

// follow shows decisions until ctx ends or a service fails.
func (p *player) follow(ctx context.Context) error {
	return p.watch(ctx, func(story.Observation) bool { return false })
}

// watch shows each decision and each line of the scaler's log, until enough
// says so.
func (p *player) watch(ctx context.Context, enough func(story.Observation) bool) error {
	for {
		o, decided, err := p.look(ctx)
		if err != nil && ctx.Err() == nil {
			// A scrape may fail once; a service that has ended is told below.
			p.screen.Bad("  %v", err)
		}
		if decided {
			p.screen.Decision(o)
		}
		if err := p.showLog(); err != nil {
			return err
		}
		if decided {
			if p.firstScaling.IsZero() && o.From != o.To {
				p.firstScaling = o.At
			}
			if enough(o) {
				return nil
			}
		}
		select {
		case <-time.After(poll):
		case err := <-p.stack.Failed():
			return fmt.Errorf("a service has ended: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look returns the scaler's decision if there is a new one.
func (p *player) look(ctx context.Context) (o story.Observation, decided bool, err error) {
	scaler, err := watch.Scrape(ctx, p.stack.Scaler+"/metrics")
	if err != nil {
		return o, false, err
	}
	action, reason, decided := p.decisions.New(scaler)
	if !decided {
		return o, false, nil
	}
	// The scaler counts a decision before it sets the gauges that go with it.
	select {
	case <-time.After(50 * time.Millisecond):
	case <-ctx.Done():
		return o, false, ctx.Err()
	}
	if scaler, err = watch.Scrape(ctx, p.stack.Scaler+"/metrics"); err != nil {
		return o, false, err
	}
	at := time.Now()
	starter, err := watch.Scrape(ctx, p.stack.Starter+"/metrics")
	if err != nil {
		return o, false, err
	}
	_, ready, err := p.stack.Replicas(ctx)
	if err != nil {
		return o, false, err
	}
	last, err := watch.Last(ctx, p.stack.Scaler, target)
	if err != nil {
		return o, false, err
	}
	return watch.Observe(at, action, reason, last, scaler, starter, ready), true, nil
}

// showLog shows the lines that the scaler has written since the last time.
func (p *player) showLog() error {
	text, err := io.ReadAll(p.log)
	if err != nil {
		return fmt.Errorf("read the scaler's log: %w", err)
	}
	lines := strings.Split(p.unread+string(text), "\n")
	p.unread = lines[len(lines)-1]
	for _, line := range lines[:len(lines)-1] {
		if strings.Contains(line, " target=") { // not of its start
			p.screen.LogLine(line)
		}
	}
	return nil
}

func replicas(n int) string {
	if n == 1 {
		return "1 replica"
	}
	return fmt.Sprintf("%d replicas", n)
}
