package backtest

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/recording"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/simulate"
	"github.com/camunda-autoscaler/camunda-autoscaler/service"
)

// Simulation is a comparison on a described load.
type Simulation struct {
	Compare
	Loads    map[string]string // by trigger: a description, or @FILE
	From     time.Time
	Duration time.Duration
	Spacing  time.Duration // between two samples
	Seed     uint64
}

// Run makes up the load, runs the rules on it, and returns the report.
func (s Simulation) Run(ctx context.Context, progress io.Writer) (*Report, error) {
	c := compared{Compare: s.Compare}
	if _, err := c.read(); err != nil {
		return nil, &service.UsageError{Err: err}
	}
	stream := simulate.Stream{From: s.From, To: s.From.Add(s.Duration), Spacing: s.Spacing, Seed: s.Seed}
	given := 0
	for _, t := range c.target.Policy.Triggers {
		text, ok := s.Loads[t.Name]
		if !ok {
			return nil, &service.UsageError{Err: fmt.Errorf("no load for trigger %q: want --load=%s=DESCRIPTION", t.Name, t.Name)}
		}
		given++
		l, err := readLoad(text)
		if err != nil {
			return nil, &service.UsageError{Err: fmt.Errorf("--load: %w", err)}
		}
		stream.Loads = append(stream.Loads, l)
	}
	if given < len(s.Loads) {
		return nil, &service.UsageError{Err: fmt.Errorf("%d loads are given for %d triggers", len(s.Loads), given)}
	}
	samples := int(s.Duration/s.Spacing) * len(stream.Loads)
	c.from = &recording.Recording{Stream: stream, From: stream.From, To: stream.To, Samples: samples}
	started := time.Now()
	report, err := c.run(ctx)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(progress, "%d samples simulated in %s\n", samples, time.Since(started).Round(10*time.Millisecond))
	report.Command = "simulate"
	report.Notes = append(report.Notes,
		"The load is made up, and does not depend on the replicas. Compare it with a recording as soon as there is one (camunda-scaler backtest).",
		fmt.Sprintf("New Pods share the load after %s; every request succeeds at once.", s.ReadyAfter))
	return report, nil
}

// readLoad reads a description, or the file that is named after an @.
func readLoad(text string) (simulate.Load, error) {
	path, named := strings.CutPrefix(text, "@")
	if !named {
		return simulate.Parse([]byte(text))
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the load: %w", err)
	}
	l, err := simulate.Parse(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}
