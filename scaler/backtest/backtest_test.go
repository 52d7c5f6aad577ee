package backtest

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/backtest/sweep"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/flap"
)

// The figures of a load that can be counted by hand.
func TestFigures(t *testing.T) {
	// 60 for ten minutes, then 10: one step up at the second sample, one down.
	path := recorded(t, 20*time.Minute, func(at time.Time) float64 {
		if at.Before(start.Add(10 * time.Minute)) {
			return 60
		}
		return 10
	}, func(time.Time) int { return 2 })
	for _, c := range []struct {
		name          string
		ready         time.Duration
		above, below  float64
		hours, atMax  float64
		actual, worst float64
		actualBelow   float64
		start         int32
	}{
		// The first sample may have been acted on, so the second one is: 10 s at
		// 1 replica. Down at the first low sample, which is decided on at once.
		{"at once", 0, 10, 0, (10*1 + 590*2 + 600*1) / 3600.0, 0, 2 * 1200 / 3600.0, 60, 600, 1},
		{"ready after a minute", time.Minute, 70, 0, (10*1 + 590*2 + 600*1) / 3600.0, 0, 2 * 1200 / 3600.0, 60, 600, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := run(t, Backtest{Compare: Compare{ConfigFile: file(t, "scaler.yml", rule), ReadyAfter: c.ready, Start: c.start}, File: path})
			f, a := r.Courses[0].Figures, r.Courses[1].Figures
			if f.Above != c.above || f.Below != c.below || !near(f.ReplicaHours, c.hours) || f.AtMax != c.atMax || f.Worst[0].PerInstance != c.worst || f.Ups != 1 || f.Downs != 1 || f.Flaps != 1 || f.Seconds != 1200 {
				t.Errorf("got %+v", f)
			}
			if !near(a.ReplicaHours, c.actual) || a.Above != 0 || a.Below != c.actualBelow || !r.Courses[1].Recorded {
				t.Errorf("the recorded: got %+v", a)
			}
			if f.Compared != 1200 || f.Same != 590 {
				t.Errorf("as recorded for %v of %v seconds, want 590 of 1200", f.Same, f.Compared)
			}
		})
	}
}

// The worst is also a load that a step ends at once: so much one replica had.
func TestTheWorstIsThatBeforeTheStep(t *testing.T) {
	path := recorded(t, 10*time.Minute, func(at time.Time) float64 {
		if at.Equal(start.Add(5 * time.Minute)) {
			return 90
		}
		return 30
	}, nil)
	f := run(t, Backtest{Compare: Compare{ConfigFile: file(t, "scaler.yml", rule)}, File: path}).Courses[0].Figures
	if w := f.Worst[0]; w.PerInstance != 90 || !w.Time.Equal(start.Add(5*time.Minute)) || f.Above != 0 || f.Ups != 1 {
		t.Errorf("got %+v, want 90 at the time of the step up, and no time above the bound", f)
	}
}

// Without recorded replicas the report says so, and how to name others.
func TestNothingToCompareWith(t *testing.T) {
	const note = "No replicas were recorded"
	for _, c := range []struct {
		name     string
		replicas func(time.Time) int
		want     int
	}{{"recorded", func(time.Time) int { return 2 }, 0}, {"not recorded", nil, 1}} {
		t.Run(c.name, func(t *testing.T) {
			r := run(t, Backtest{Compare: Compare{ConfigFile: file(t, "scaler.yml", rule)}, File: recorded(t, time.Hour, day, c.replicas)})
			if n := strings.Count(strings.Join(r.Notes, "\n"), note); n != c.want {
				t.Errorf("%d notes that say %q, want %d: %q", n, note, c.want, r.Notes)
			}
		})
	}
}

func near(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 }

// Time without data is neither above nor below, and never 0.
func TestMissingDataIsNotJudged(t *testing.T) {
	path := file(t, "x.csv", "time,value\n1767571200,10\n1767571210,10\n1767571220,10\n1767572220,10\n1767572230,10\n")
	f := run(t, Backtest{Compare: Compare{ConfigFile: file(t, "scaler.yml", rule), Start: 3}, File: path}).Courses[0].Figures
	// From the third sample on it is known for the maximum age, 30 s.
	if f.Unknown < 969 || f.Unknown > 971 || f.Seconds+f.Unknown != 1030 {
		t.Errorf("got %+v, want 970 s without data", f)
	}
}

// No pair that can flap is tried, the frontier has nothing that is worse in
// both, and the best has the least replica-hours within the limit.
func TestSweep(t *testing.T) {
	path := recorded(t, 25*time.Hour, func(at time.Time) float64 { return day(at) + float64(at.Unix()/10%7)*9 }, nil)
	for _, c := range []struct {
		name, rule string
		sweep      sweep.Sweep
	}{
		{"step", rule, sweep.Sweep{Above: 0.02, AboveSet: true}},
		{"as good as configured", rule, sweep.Sweep{}},
		{"target", "targets: [{rule: {type: target, value_per_replica: 40, max_replicas: 8}}]", sweep.Sweep{}},
		{"of two triggers", "targets: [{triggers: [{name: a, query: x}, {name: b, query: y, optional: true}]}]", sweep.Sweep{Trigger: "a", Above: 0.5, AboveSet: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := Backtest{Compare: Compare{ConfigFile: file(t, "scaler.yml", c.rule), Sweep: &c.sweep, ReadyAfter: time.Minute}, File: path}
			if c.name == "of two triggers" {
				b.File = file(t, "two.csv", "time,trigger,value\n1767571200,a,100\n1767571210,a,100\n1767571220,b,10\n1767571230,a,100\n")
			}
			s := run(t, b).Sweep
			configured, err := config.Load(b.ConfigFile)
			if err != nil {
				t.Fatal(err)
			}
			target := configured.Targets[0]
			least := -1.0
			for i, tried := range s.Tried {
				r := &target.Policy.Triggers[0].Rule
				if r.Kind == decide.Step {
					r.ScaleUpAt, r.ScaleDownAt = tried.Up, *tried.Down
				}
				if f, found := flap.Find(target.Policy, target.Policy.Limits, false); found {
					t.Errorf("%+v was tried, and can flap: %s", tried, f)
				}
				if tried.Share <= s.Limit && (least < 0 || tried.Hours < least) {
					least = tried.Hours
				}
				worse := slices.ContainsFunc(s.Tried, func(o sweep.Tried) bool {
					return o.Hours <= tried.Hours && o.Above < tried.Above || o.Hours < tried.Hours && o.Above <= tried.Above
				})
				if tried.Frontier == worse && !slices.ContainsFunc(s.Tried[:i], func(o sweep.Tried) bool { return o.Hours == tried.Hours && o.Above == tried.Above }) {
					t.Errorf("%+v: on the frontier %t, but worse than another %t", tried, tried.Frontier, worse)
				}
			}
			if least < 0 && s.Best != nil || least >= 0 && (s.Best == nil || s.Best.Hours != least) {
				t.Errorf("got the best %+v, want %v replica-hours", s.Best, least)
			}
			if c.name == "of two triggers" && (s.Best != nil || !strings.Contains(s.Note, "the least is")) {
				t.Errorf("got the best %+v and the note %q", s.Best, s.Note)
			}
			if c.name == "as good as configured" && s.Best == nil {
				t.Error("nothing is as good as what is configured")
			}
		})
	}
}

// Floors are for the hours of the week that need more, in the calendar's syntax,
// and reduce the time above the bound.
func TestFloors(t *testing.T) {
	path := recorded(t, 14*24*time.Hour, day, nil)
	r := run(t, Backtest{Compare: Compare{ConfigFile: file(t, "scaler.yml", rule), Floors: true, ReadyAfter: 2 * time.Minute}, File: path})
	if r.Floors == nil {
		t.Fatal(r.NoFloors)
	}
	if text := r.Floors.YAML; !strings.Contains(text, "monday:friday") || strings.Contains(text, "saturday") || strings.Contains(text, "sunday") {
		t.Errorf("want floors on working days only:\n%s", text)
	}
	configured := r.Courses[0].Figures
	if r.Floors.Figures.Above >= configured.Above || configured.Above == 0 {
		t.Errorf("%v s above the bound with floors, %v without", r.Floors.Figures.Above, configured.Above)
	}
	if _, err := config.Parse("x", []byte("targets:\n  - rule: {max_replicas: 6}\n    "+strings.ReplaceAll(strings.TrimSpace(r.Floors.YAML), "\n", "\n    "))); err != nil {
		t.Errorf("the calendar cannot be pasted: %v\n%s", err, r.Floors.YAML)
	}
	short := run(t, Backtest{Compare: Compare{ConfigFile: file(t, "scaler.yml", rule), Floors: true}, File: recorded(t, 24*time.Hour, day, nil)})
	if short.Floors != nil || !strings.Contains(short.NoFloors, "every day of the week") {
		t.Errorf("a day is not a week: got %+v, %s", short.Floors, short.NoFloors)
	}
	idle := run(t, Backtest{Compare: Compare{ConfigFile: file(t, "scaler.yml", rule), Floors: true}, File: recorded(t, 8*24*time.Hour, func(time.Time) float64 { return 1 }, nil)})
	if idle.Floors != nil || !strings.Contains(idle.NoFloors, "in no hour of the week") {
		t.Errorf("without a load: got %+v, %s", idle.Floors, idle.NoFloors)
	}
}

// Where there is nothing to do, a workload that may have no replicas needs none.
func TestFloorsOfZero(t *testing.T) {
	night := func(at time.Time) float64 {
		if at.Hour() < 8 || at.Hour() >= 20 {
			return 0
		}
		return 25
	}
	for name, rule := range map[string]string{
		"target":    "{type: target, value_per_replica: 10, min_replicas: 0, max_replicas: 6}",
		"per total": "{per: total, scale_up_at: 20, scale_down_at: 0, min_replicas: 0, max_replicas: 6}",
	} {
		t.Run(name, func(t *testing.T) {
			config := file(t, "scaler.yml", "targets:\n  - name: workers\n    rule: "+rule)
			r := run(t, Backtest{Compare: Compare{ConfigFile: config, Floors: true}, File: recorded(t, 8*24*time.Hour, night, nil)})
			if r.Floors == nil || !strings.Contains(r.Floors.YAML, "{start_time: '08:00', end_time: '20:00'}") || strings.Contains(r.Floors.YAML, "00:00") {
				t.Errorf("want a floor by day and none at night, got %+v, %s", r.Floors, r.NoFloors)
			}
		})
	}
}

func TestMistakesAreNamed(t *testing.T) {
	good := file(t, "scaler.yml", rule)
	recording := recorded(t, time.Hour, day, nil)
	for name, c := range map[string]struct {
		b    Backtest
		want string
	}{
		"no file":         {Backtest{Compare: Compare{ConfigFile: "none.yml"}, File: recording}, "read the configuration: open none.yml"},
		"no target":       {Backtest{Compare: Compare{ConfigFile: good, Target: "x"}, File: recording}, `no target "x"`},
		"no samples":      {Backtest{Compare: Compare{ConfigFile: good}, File: file(t, "x.csv", "time,value,replicas\n1767571200,,1\n1767571210,,2\n")}, "there is no sample of target camunda"},
		"one sample":      {Backtest{Compare: Compare{ConfigFile: good}, File: file(t, "x.csv", "time,value\n1767571200,1\n")}, "the recording has no duration"},
		"unknown zone":    {Backtest{Compare: Compare{ConfigFile: good, Floors: true, Location: "Nowhere"}, File: recording}, `location "Nowhere"`},
		"unknown trigger": {Backtest{Compare: Compare{ConfigFile: good, Sweep: &sweep.Sweep{Trigger: "x"}}, File: recording}, "name one by --sweep.trigger"},
		"too many pairs":  {Backtest{Compare: Compare{ConfigFile: good, Sweep: &sweep.Sweep{Up: sweep.Range{From: 1, To: 1000, By: 1}, Down: sweep.Range{From: 1, To: 1000, By: 1}}}, File: recording}, "pairs of bounds are too many"},
		"all flap":        {Backtest{Compare: Compare{ConfigFile: good, Sweep: &sweep.Sweep{Up: sweep.Range{From: 50, To: 50, By: 1}, Down: sweep.Range{From: 45, To: 49, By: 1}}}, File: recording}, "none of these bounds can be used"},
		"bad address":     {Backtest{Compare: Compare{ConfigFile: good}, URL: "prometheus"}, `--prometheus.url: "prometheus": want http://host:port`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := c.b.Run(t.Context(), nil, io.Discard); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// constant is a Prometheus whose queries all give one series of 60, scraped every
// ten seconds.
type constant struct{ v1.API }

func (constant) QueryRange(_ context.Context, text string, r v1.Range, _ ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
	s := &model.SampleStream{}
	for at := r.Start; !at.After(r.End); at = at.Add(r.Step) {
		v := model.SampleValue(60)
		if strings.Contains(text, "timestamp(") {
			v = model.SampleValue(at.Truncate(10 * time.Second).Unix())
		}
		if strings.Contains(text, "replicas") {
			v = 2
		}
		s.Values = append(s.Values, model.SamplePair{Timestamp: model.TimeFromUnixNano(at.UnixNano()), Value: v})
	}
	return model.Matrix{s}, nil, nil, nil
}

// A relative time counts from the first download: a later replay of the cache is
// of the same time, and needs no Prometheus.
func TestBacktestOfACache(t *testing.T) {
	b := Backtest{
		Compare: Compare{ConfigFile: file(t, "scaler.yml", rule)}, Cache: filepath.Join(t.TempDir(), "cache.csv"),
		From: start, To: start.Add(time.Hour), Given: [2]string{"-1h", "now"},
	}
	var progress strings.Builder
	first, err := b.Run(t.Context(), func(config.Prometheus) (v1.API, error) { return constant{}, nil }, &progress)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(progress.String(), "downloaded 100 %, until 2026-01-05 01:00\n") || !strings.Contains(progress.String(), "cache.csv has 2026-01-05 00:00 to 2026-01-05 01:00 UTC") {
		t.Errorf("got the progress\n%s", progress.String())
	}
	if len(first.Courses) != 2 || first.Courses[1].Figures.ReplicaHours != 2 || first.Samples != 360 {
		t.Errorf("got %d samples, %+v", first.Samples, first.Courses)
	}
	b.From, b.To = start.Add(3*time.Hour), start.Add(4*time.Hour)
	again, err := b.Run(t.Context(), func(config.Prometheus) (v1.API, error) { return nil, nil }, io.Discard)
	if err != nil || !again.From.Equal(start) || !again.To.Equal(start.Add(time.Hour)) || again.Courses[0].Figures.ReplicaHours != first.Courses[0].Figures.ReplicaHours {
		t.Errorf("got %+v, %v", again, err)
	}
}
