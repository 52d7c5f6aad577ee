// Package replay replays what the demo's Prometheus has recorded, and compares
// the steps with those that the scaler took.
package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/go-logfmt/logfmt"
)

// Step is one scaling, and the time of the sample that it was decided on.
type Step struct {
	From, To int
	Reason   string
	Sample   time.Time
}

// sameSample is how far apart the times of one sample may read: the log tells
// its age when it was decided on, and is written when the scaling was.
const sameSample = 2 * time.Second

// Live reads from the scaler's log when it started, and which steps it took.
func Live(log io.Reader) (started time.Time, steps []Step, err error) {
	for d := logfmt.NewDecoder(log); d.ScanRecord(); {
		line := map[string]string{}
		for d.ScanKeyval() {
			line[string(d.Key())] = string(d.Value())
		}
		at, err := time.Parse(time.RFC3339, line["ts"])
		if err != nil {
			continue
		}
		if started.IsZero() {
			started = at
		}
		if line["msg"] != "scaled" {
			continue
		}
		s := Step{Reason: line["reason"]}
		age, err := time.ParseDuration(line["sample_age"])
		if _, scanned := fmt.Sscan(line["from"]+" "+line["to"], &s.From, &s.To); scanned != nil || err != nil {
			return started, nil, fmt.Errorf("read the scaler's log: %v is no step", line)
		}
		s.Sample = at.Add(-age)
		steps = append(steps, s)
	}
	if started.IsZero() {
		return started, nil, errors.New("read the scaler's log: it is empty")
	}
	return started, steps, nil
}

// Command returns the arguments of the scaler's program for the replay.
func Command(prometheus string, from, to time.Time) []string {
	return []string{
		"backtest", "--prometheus.url=" + prometheus, "--replicas=1",
		"--from=" + from.UTC().Format(time.RFC3339Nano), "--to=" + to.UTC().Format(time.RFC3339Nano),
	}
}

// Replayed runs the scaler's program, and returns the steps of the replay.
func Replayed(ctx context.Context, program string, args []string) ([]Step, error) {
	cmd := exec.CommandContext(ctx, program, append(args, "--output=json")...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("replay: %w: %s", err, stderr.String())
	}
	return parse(out)
}

func parse(report []byte) ([]Step, error) {
	var r struct {
		Runs []struct {
			Steps []struct {
				Sample   time.Time `json:"sample_time"`
				From, To int
				Reason   string
			}
		}
	}
	if err := json.Unmarshal(report, &r); err != nil || len(r.Runs) == 0 {
		return nil, fmt.Errorf("replay: not a report: %w", err)
	}
	var steps []Step
	for _, s := range r.Runs[0].Steps {
		steps = append(steps, Step{s.From, s.To, s.Reason, s.Sample})
	}
	return steps, nil
}

// Same returns how many steps both have in common from the start, and whether
// that is all of them.
func Same(live, replayed []Step) (n int, all bool) {
	for n < min(len(live), len(replayed)) {
		a, b := live[n], replayed[n]
		apart := a.Sample.Sub(b.Sample).Abs()
		a.Sample, b.Sample = time.Time{}, time.Time{}
		if a != b || apart > sameSample {
			return n, false
		}
		n++
	}
	return n, len(live) == len(replayed)
}

// Compare replays what was recorded until now, and returns how many of the steps
// are the same, whether all are, and the command for a user to repeat it.
func Compare(ctx context.Context, program, prometheus, log string, now time.Time) (same, live int, all bool, command string, err error) {
	file, err := os.Open(log)
	if err != nil {
		return 0, 0, false, "", fmt.Errorf("open the scaler's log: %w", err)
	}
	defer file.Close()
	started, steps, err := Live(file)
	if err != nil {
		return 0, 0, false, "", err
	}
	args := Command(prometheus, started, now)
	replayed, err := Replayed(ctx, program, args)
	if err != nil {
		return 0, len(steps), false, "", err
	}
	same, all = Same(steps, replayed)
	return same, len(steps), all, program + " " + strings.Join(args, " "), nil
}
