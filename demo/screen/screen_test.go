package screen_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/demo/screen"
	"github.com/camunda-autoscaler/camunda-autoscaler/demo/story"
)

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestLogLinesFit(t *testing.T) {
	for name, c := range map[string]struct{ line, want string }{
		"scaled": {
			`level=info ts=2026-11-21T04:10:59.994Z msg=scaled target=camunda-deployment namespace=default workload=Deployment/camunda-deployment action=up from=1 to=2 value=97 per_instance=97 bound=50 reason=load_high sample_age=312ms`,
			"  | level=info msg=scaled action=up from=1 to=2 value=97 per_instance=97\n" +
				"  |   bound=50 reason=load_high sample_age=312ms",
		},
		"quoted": {
			`level=warn ts=x msg="nothing to do" err="a = \"b c\" d"`,
			`  | level=warn msg="nothing to do" err="a = \"b c\" d"`,
		},
		"no logfmt": {"panic: oh no", "  | panic: oh no"},
		"empty":     {"", ""},
	} {
		got := screen.Wrap(c.line)
		if got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
		fits(t, got)
	}
	fits(t, screen.Wrap("level=error err="+strings.Repeat("x", 500)))
}

func fits(t *testing.T, text string) {
	t.Helper()
	for line := range strings.SplitSeq(text, "\n") {
		if len(line) > screen.Width {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

func TestDecisionsFit(t *testing.T) {
	var out bytes.Buffer
	s := screen.New(&out, false, t0)
	s.Columns()
	s.Decision(story.Observation{At: t0.Add(83 * time.Second), Asked: 120, Started: new(119.0), PerInstance: new(59.5), From: 2, To: 3, Ready: 2, Action: "up", Reason: "load_high"})
	s.Decision(story.Observation{At: t0.Add(time.Hour), Asked: 1_000_000, Started: new(1_000_000.0), PerInstance: new(1_000_000.0), From: 4, To: 4, Ready: 4, Action: "none", Reason: "load_high_at_max"})
	s.Decision(story.Observation{At: t0, Action: "none", Reason: "workload_unreadable"})
	fits(t, out.String())
	want := "  time    asked  started  /replica  replicas  ready  decision\n" +
		"  1:23      120      119      59.5      2->3      2  up, load_high\n"
	if !strings.HasPrefix(out.String(), want) {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
	if last := strings.Split(strings.TrimSpace(out.String()), "\n")[3]; !strings.Contains(last, "      -         -         -") {
		t.Errorf("what is unknown must not look like a number: %q", last)
	}
}

func TestSummary(t *testing.T) {
	phases := story.Default()
	played := []*story.Progress{
		{Phase: phases[0], Steps: []int{1}, Settled: 21 * time.Second},
		{Phase: phases[1], Steps: []int{1, 2, 3}, Reached: 24 * time.Second, Settled: 44 * time.Second},
		{Phase: phases[2], Steps: []int{3}},
	}
	var out bytes.Buffer
	screen.New(&out, false, t0).Summary(phases, played)
	fits(t, out.String())
	for _, want := range []string{
		"     5         1  1                   0 s        21 s  ok\n",
		"   120         3  1->2->3            24 s        44 s  ok\n",
		"   500         4  3                   0 s           -  NOT SETTLED\n",
		"not played\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("colour where none was asked for")
	}
}

func TestColour(t *testing.T) {
	var out bytes.Buffer
	screen.New(&out, true, t0).Good("settled")
	if out.String() != "\x1b[32msettled\x1b[0m\n" {
		t.Errorf("got %q", &out)
	}
}

func TestTextFits(t *testing.T) {
	var out bytes.Buffer
	s := screen.New(&out, false, t0)
	s.Text("Nothing to do: 120 on 3 replicas is 40 per replica, between 20 and 50, and this goes on for a while.")
	fits(t, out.String())
	want := "  Nothing to do: 120 on 3 replicas is 40 per replica, between 20 and 50, and\n  this goes on for a while.\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
}
