package simulate

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/replay"
)

var start = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// values are the samples of a load, NaN where there are none.
func values(t *testing.T, text string, d time.Duration, seed uint64) (all []float64) {
	t.Helper()
	l, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	err = Stream{Loads: []Load{l}, From: start, To: start.Add(d), Spacing: time.Minute, Seed: seed}.Each(func(batch []replay.Observation) error {
		for _, o := range batch {
			v := o.Value
			if o.Kind != replay.Value {
				v = math.NaN()
			}
			all = append(all, v)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestParts(t *testing.T) {
	for _, c := range []struct {
		text   string
		minute int
		want   float64
	}{
		{"[{constant: 40}]", 0, 40},
		{"[{constant: 40}, {constant: 2}]", 9, 42},
		{"[{step: {at: 5m, by: 100}}]", 4, 0},
		{"[{step: {at: 5m, by: 100}}]", 5, 100},
		{"[{constant: 40}, {step: {at: 5m, by: -100}}]", 5, 0},
		{"[{ramp: {from: 10m, to: 20m, by: 100}}]", 10, 0},
		{"[{ramp: {from: 10m, to: 20m, by: 100}}]", 15, 50},
		{"[{ramp: {from: 10m, to: 20m, by: 100}}]", 59, 100},
		{"[{day: {low: 10, high: 110}}]", 14 * 60, 110},
		{"[{day: {low: 10, high: 110}}]", 2 * 60, 10},
		{"[{day: {low: 10, high: 110, peak: '08:00'}}]", 8 * 60, 110},
		{"[{spike: {at: 5m, for: 2m, by: 7}}]", 4, 0},
		{"[{spike: {at: 5m, for: 2m, by: 7}}]", 6, 7},
		{"[{spike: {at: 5m, for: 2m, by: 7}}]", 7, 0},
		{"[{spike: {at: 5m, for: 2m, by: 7, every: 10m}}]", 26, 7},
		{"[{spike: {at: 5m, for: 2m, by: 7, every: 10m}}]", 27, 0},
	} {
		if got := values(t, c.text, 24*time.Hour, 1)[c.minute]; math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: got %v in minute %d, want %v", c.text, got, c.minute, c.want)
		}
	}
	gap := values(t, "[{constant: 1}, {gap: {at: 2m, for: 3m}}]", 10*time.Minute, 1)
	if len(gap) != 8 || !math.IsNaN(gap[2]) || math.IsNaN(gap[1]) || math.IsNaN(gap[3]) {
		t.Errorf("got %v, want one observation of no data for three minutes", gap)
	}
}

// The noise has the deviation that was asked for, and follows from the seed.
func TestNoise(t *testing.T) {
	const text = "[{constant: 1000}, {noise: {deviation: 10}}]"
	a := values(t, text, 7*24*time.Hour, 1)
	sum, squares := 0.0, 0.0
	for _, v := range a {
		sum += v - 1000
		squares += (v - 1000) * (v - 1000)
	}
	n := float64(len(a))
	if mean, deviation := sum/n, math.Sqrt(squares/n); math.Abs(mean) > 0.5 || math.Abs(deviation-10) > 0.5 {
		t.Errorf("mean %v, deviation %v", mean, deviation)
	}
	b, other := values(t, text, time.Hour, 1), values(t, text, time.Hour, 2)
	if b[17] != a[17] || other[17] == a[17] {
		t.Errorf("got %v and %v of the same seed, %v of another", a[17], b[17], other[17])
	}
}

func TestLoadsThatCannotBe(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "no load: want a list",
		"[]":                                     "no load: want a list",
		"constant: 4":                            "not a list of parts",
		"[{constnt: 4}]":                         "not a list of parts",
		"[{}]":                                   "part 1: want exactly one of",
		"[{constant: 1, noise: {deviation: 1}}]": "part 1: want exactly one of",
		"[{constant: 1}, {ramp: {from: 2m, to: 1m, by: 1}}]": "part 2: ramp: to is not after from",
		"[{spike: {at: 1m, by: 1}}]":                         "spike: for is missing",
		"[{spike: {for: 2m, every: 1m, by: 1}}]":             "spike: every is not longer than for",
		"[{gap: {at: 1m}}]":                                  "gap: for is missing",
		"[{noise: {deviation: 0}}]":                          "noise: deviation is not above 0",
		"[{day: {low: 2, high: 1}}]":                         "day: high is not above low",
		"[{day: {low: 1, high: 2, peak: noon}}]":             `day: peak "noon": want HH:MM`,
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
