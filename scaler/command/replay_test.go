package command

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/service"
)

// replay runs a command, and returns what it writes.
func runReplay(t *testing.T, args ...string) (out, progress string, err error) {
	t.Helper()
	f := NewFlags()
	if err := f.Parse(JoinNegative(args)); err != nil {
		return "", "", err
	}
	var o, p bytes.Buffer
	err = f.Replay.Run(t.Context(), &o, &p)
	return o.String(), p.String(), err
}

func TestReplayCommands(t *testing.T) {
	dir := t.TempDir()
	csv, page := filepath.Join(dir, "load.csv"), filepath.Join(dir, "page.html")
	text := "time,value\n1767571200,60\n1767571210,60\n1767571220,60\n1767571230,10\n1767571240,10\n"
	if err := os.WriteFile(csv, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out, progress, err := runReplay(t, "backtest", "--file="+csv, "--rule", "scale_up_at=70", "--html", page)
	if err != nil || !strings.Contains(out, "configured: all steps\n  2026-01-05 00:00:10    1 -> 2    load_high, 60 per replica\n  2026-01-05 00:00:30    2 -> 1    load_low, 5 per replica\n") ||
		!strings.Contains(out, "scale_up_at=70: no steps") || !strings.Contains(progress, "5 samples read in") || !strings.Contains(progress, "the page is in "+page) {
		t.Errorf("got %v\n%s\n%s", err, out, progress)
	}
	if html, err := os.ReadFile(page); err != nil || !bytes.HasPrefix(html, []byte("<!DOCTYPE html>")) {
		t.Errorf("got %.100s, %v", html, err)
	}
	out, _, err = runReplay(t, "simulate", "--load=[{constant: 60}]", "--duration=1h", "--output=json")
	if err != nil || !strings.Contains(out, `"command": "simulate"`) || !strings.Contains(out, `"steps_up": 1`) {
		t.Errorf("got %v\n%s", err, out)
	}
	if f := NewFlags(); f.Parse(nil) != nil || f.Replay.Command != "" {
		t.Error("without a command, it replays")
	}
}

// Without replicas there is no value per replica, in the table and as JSON.
func TestSimulateFromZero(t *testing.T) {
	file := filepath.Join(t.TempDir(), "scaler.yml")
	text := "targets: [{query: jobs, rule: {type: target, value_per_replica: 5, min_replicas: 0}}]"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"simulate", "--config.file=" + file, "--load=[{spike: {at: 30m, by: 9, for: 5m}}]", "--duration=2h"}
	out, _, err := runReplay(t, args...)
	if err != nil || strings.Contains(out, "NaN") || !strings.Contains(out, "0 -> 2    load_high, 9 in all") || !strings.Contains(out, "1 -> 0    load_low, 0 per replica") {
		t.Errorf("got %v\n%s", err, out)
	}
	out, _, err = runReplay(t, append(args, "--output=json")...)
	if err != nil || !strings.Contains(out, `"steps_up": 1`) {
		t.Errorf("got %v\n%s", err, out)
	}
}

func TestReplayMistakes(t *testing.T) {
	csv := filepath.Join(t.TempDir(), "load.csv")
	if err := os.WriteFile(csv, []byte("time,value\n1767571200,60\n1767571210,60\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	file, load := "--file="+csv, "--load=[{constant: 60}]"
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"backtest", file, "--cache=x"}, "--file contradicts --cache and --prometheus.url"},
		{[]string{"backtest", file, "--from", "yesterday"}, `--from: "yesterday": want how long ago, as in -7d`},
		{[]string{"backtest", "--from=-1h", "--to=-2h"}, "--to=-2h is not after --from=-1h"},
		{[]string{"backtest", file, "--sweep.up=1:2:1"}, "--sweep.* without --sweep"},
		{[]string{"backtest", file, "--sweep", "--sweep.up=1:2"}, `--sweep.up: "1:2": want FROM:TO:BY`},
		{[]string{"backtest", file, "--sweep", "--sweep.above-at-most=1"}, "--sweep.above-at-most"},
		{[]string{"backtest", file, "--rule=scale_up_at=1"}, "1 is not above scale_down_at, 20"},
		{[]string{"backtest", file, "--series=up", "--series=down"}, "--series is given twice"},
		{[]string{"backtest", file, "--replicas=-1"}, "--replicas: -1 is too low"},
		{[]string{"simulate", "--load=x=[{constant: 60}]"}, `no load for trigger ""`},
		{[]string{"simulate", "--load=[{constant: 60, step: {by: 1}}]"}, "want exactly one of constant, step"},
		{[]string{"simulate", "--load=@none.yml"}, "read the load: open none.yml"},
		{[]string{"simulate", load, "--spacing=2h", "--duration=1h"}, "--spacing: 2h0m0s: want 1ms or more, and less than --duration"},
		{[]string{"simulate", load, "--start=Monday"}, "--start"},
		{[]string{"simulate", load, "--duration=0s"}, "--duration: want more than 0"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			_, _, err := runReplay(t, c.args...)
			var usage *service.UsageError
			if err == nil || !strings.Contains(err.Error(), c.want) || !errors.As(err, &usage) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestWhen(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 500, time.FixedZone("x", 3600))
	for text, want := range map[string]time.Time{
		"now": now.Truncate(time.Second), "-7d": now.Truncate(time.Second).AddDate(0, 0, -7), "1h30m": now.Truncate(time.Second).Add(-90 * time.Minute),
		"2026-01-05T00:00:00Z": time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC), "": {},
	} {
		if got, err := parseWhen(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
	got := JoinNegative([]string{"backtest", "--from", "-7d", "--to", "now", "--from", "-x", "--to"})
	if want := []string{"backtest", "--from=-7d", "--to", "now", "--from", "-x", "--to"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
