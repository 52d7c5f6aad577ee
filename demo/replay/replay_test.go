package replay

import (
	"strings"
	"testing"
	"time"
)

const log = `ts=2026-01-05T08:00:00.100Z level=info msg=starting version=0.1.0
ts=2026-01-05T08:00:10.200Z level=info msg="nothing to do" target=camunda action=none from=1 to=1 reason=within_bounds sample_age=150ms
ts=2026-01-05T08:00:20.250Z level=info msg=scaled target=camunda action=up from=1 to=2 value=120 reason=load_high sample_age=5.1s
ts=2026-01-05T08:00:30.250Z level=info msg=scaled target=camunda action=up from=2 to=3 value=120 reason=load_high sample_age=5.1s
`

const report = `{"runs": [{"name": "configured", "steps": [
	{"time": "2026-01-05T08:00:20Z", "sample_time": "2026-01-05T08:00:15Z", "from": 1, "to": 2, "reason": "load_high"},
	{"time": "2026-01-05T08:00:30Z", "sample_time": "2026-01-05T08:00:25Z", "from": 2, "to": 3, "reason": "load_high"}
]}, {"name": "recorded", "steps": []}]}`

func TestSameSteps(t *testing.T) {
	started, live, err := Live(strings.NewReader(log))
	if err != nil || !started.Equal(time.Date(2026, 1, 5, 8, 0, 0, 100e6, time.UTC)) || len(live) != 2 {
		t.Fatalf("got %s, %v, %v", started, live, err)
	}
	replayed, err := parse([]byte(report))
	if err != nil {
		t.Fatal(err)
	}
	if n, all := Same(live, replayed); n != 2 || !all {
		t.Errorf("got %d, %t", n, all)
	}
	other := func(change func(s *Step)) []Step {
		steps := []Step{replayed[0], replayed[1]}
		change(&steps[1])
		return steps
	}
	for name, steps := range map[string][]Step{
		"another number": other(func(s *Step) { s.To = 4 }),
		"another reason": other(func(s *Step) { s.Reason = "below_min" }),
		"another sample": other(func(s *Step) { s.Sample = s.Sample.Add(10 * time.Second) }),
		"one missing":    replayed[:1],
	} {
		if n, all := Same(live, steps); n != 1 || all {
			t.Errorf("%s: got %d, %t, want 1 of 2", name, n, all)
		}
	}
	if n, all := Same(live, append(other(func(*Step) {}), replayed[0])); n != 2 || all {
		t.Errorf("one too many: got %d, %t", n, all)
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	for _, text := range []string{"", "x=1\n", "ts=2026-01-05T08:00:20Z msg=scaled from=1 to=x sample_age=1s\n"} {
		if _, _, err := Live(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), "read the scaler's log") {
			t.Errorf("%q: got %v", text, err)
		}
	}
	if _, err := parse([]byte("{}")); err == nil {
		t.Error("a report without runs was taken")
	}
}
