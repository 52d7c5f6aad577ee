package backtest

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/backtest/sweep"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares with a file.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs: run go test ./backtest -update and look at the difference. Got\n%.3000s", path, got)
	}
}

const rule = `
targets:
  - name: camunda
    rule: {scale_up_at: 50, scale_down_at: 20, max_replicas: 6}
`

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// start is a Monday.
var start = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// recorded is a CSV file of samples, ten seconds apart or for long times a
// minute, with the replicas that there were.
func recorded(t *testing.T, d time.Duration, load func(time.Time) float64, replicas func(time.Time) int) string {
	var b strings.Builder
	b.WriteString("time,value,replicas\n")
	spacing := 10 * time.Second
	if d > 24*time.Hour {
		spacing = time.Minute
	}
	for at := start; !at.After(start.Add(d)); at = at.Add(spacing) {
		fmt.Fprintf(&b, "%d,%g,", at.Unix(), load(at))
		if replicas != nil {
			fmt.Fprint(&b, replicas(at))
		}
		b.WriteByte('\n')
	}
	return file(t, "recording.csv", b.String())
}

// day is a load of office hours: up to 200 in the middle of a working day.
func day(at time.Time) float64 {
	hour := float64(at.Sub(at.Truncate(24*time.Hour))) / float64(time.Hour)
	if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday || hour < 8 || hour > 18 {
		return 10
	}
	return 10 + math.Round(190*math.Sin((hour-8)/10*math.Pi))
}

func run(t *testing.T, b Backtest) *Report {
	t.Helper()
	r, err := b.Run(t.Context(), nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestGoldenBacktest(t *testing.T) {
	path := recorded(t, 24*time.Hour, day, func(at time.Time) int {
		if h := at.Hour(); h >= 9 && h < 17 {
			return 4
		}
		return 1
	})
	r := run(t, Backtest{
		Compare: Compare{
			ConfigFile: file(t, "scaler.yml", rule), Rules: []string{"scale_up_at=40,scale_down_at=15,scale_down_delay=5m"},
			Sweep: &sweep.Sweep{Up: sweep.Range{From: 40, To: 70, By: 10}, Down: sweep.Range{From: 10, To: 30, By: 10}, Above: 0.01, AboveSet: true}, Floors: true, ReadyAfter: time.Minute,
		},
		File: path,
	})
	var table, asJSON, page bytes.Buffer
	r.WriteTable(&table)
	golden(t, "backtest.txt", table.Bytes())
	wants80(t, table.String())
	if err := r.WriteJSON(&asJSON); err != nil {
		t.Fatal(err)
	}
	golden(t, "backtest.json", asJSON.Bytes())
	if err := r.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	golden(t, "backtest.html", page.Bytes())
}

// wants80 wants a text that fits a terminal.
func wants80(t *testing.T, text string) {
	t.Helper()
	for line := range strings.SplitSeq(text, "\n") {
		if len(line) > 80 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

func TestGoldenSimulation(t *testing.T) {
	s := Simulation{
		Compare: Compare{ConfigFile: file(t, "scaler.yml", rule), Rules: []string{"value_per_replica=45", "scale_up_at=60,scale_down_at=15,scale_up_delay=30s,max_replicas=8"}, ReadyAfter: time.Minute},
		Loads:   map[string]string{"": "[{constant: 30}, {ramp: {from: 10m, to: 20m, by: 150}}, {spike: {at: 40m, for: 2m, by: 100}}, {step: {at: 50m, by: -100}}, {noise: {deviation: 3}}, {gap: {at: 55m, for: 2m}}]"},
		From:    start, Duration: time.Hour, Spacing: 10 * time.Second, Seed: 7,
	}
	r, err := s.Run(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	r.WriteTable(&table)
	golden(t, "simulate.txt", table.Bytes())
	wants80(t, table.String())
}

// What comes from outside cannot become markup.
func TestThePageEscapes(t *testing.T) {
	const evil = `<script>alert(1)</script>`
	path := file(t, "scaler.yml", `
targets:
  - name: '`+evil+`'
    triggers:
      - {name: '`+evil+`', query: x, rule: {scale_up_at: 50}}
`)
	recording := file(t, "x.csv", "time,trigger,value\n1767571200,"+evil+",400\n1767571210,"+evil+",400\n1767571220,"+evil+",400\n")
	var page bytes.Buffer
	if err := run(t, Backtest{Compare: Compare{ConfigFile: path}, File: recording}).WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	if text := page.String(); strings.Contains(text, "<script") || !strings.Contains(text, "&lt;script&gt;alert(1)") {
		t.Error("the page has markup from outside")
	}
	for _, forbidden := range []string{"http:", "https:", "src=", "@import", "url("} {
		if strings.Contains(page.String(), forbidden) {
			t.Errorf("the page has %s: it must not ask for anything", forbidden)
		}
	}
}
