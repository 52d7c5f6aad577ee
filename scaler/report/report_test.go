package report

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/event"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

var now = time.Unix(1_700_000_000, 0)

// decided is a decision by the default rule on 119 started instances with 3
// replicas, changed as wanted.
func decided(change ...func(*config.Target, *decide.Input, *loop.Decision)) loop.Decision {
	target := &config.Target{
		Name: "camunda", Workload: workload.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "bpm", Name: "camunda-deployment"},
		Policy: decide.DefaultPolicy(), Interval: 10 * time.Second,
	}
	in := decide.Input{
		Now: now, Replicas: 3, Limits: decide.DefaultLimits(),
		Samples: []sample.Result{{Outcome: sample.Value, Value: 119, Timestamp: now.Add(-312 * time.Millisecond), Now: now}},
	}
	d := loop.Decision{Target: target, Scale: &workload.Scale{Replicas: 3, UID: "one"}}
	for _, c := range change {
		c(target, &in, &d)
	}
	d.Decision, _ = target.Policy.Decide(in, decide.NewState(now.Add(-time.Hour)))
	if d.Scale != nil {
		d.Scale.Replicas = in.Replicas
	}
	return d
}

// What is logged of each kind of decision, to the letter.
func TestLines(t *testing.T) {
	const start = "target=camunda namespace=bpm workload=deployment/camunda-deployment "
	for _, c := range []struct {
		name   string
		change func(*config.Target, *decide.Input, *loop.Decision)
		want   string
	}{
		{
			"nothing to do", func(*config.Target, *decide.Input, *loop.Decision) {},
			`level=info msg="nothing to do" ` + start + "action=none from=3 to=3 value=119 per_instance=39.67 bound=null reason=within_bounds sample_age=312ms",
		},
		{
			"up", func(_ *config.Target, in *decide.Input, _ *loop.Decision) { in.Samples[0].Value = 500 },
			"level=info msg=scaled " + start + "action=up from=3 to=4 value=500 per_instance=166.67 bound=50 reason=load_high sample_age=312ms",
		},
		{
			"dry run", func(t *config.Target, in *decide.Input, _ *loop.Decision) { t.DryRun, in.Samples[0].Value = true, 500 },
			`level=info msg="would scale" ` + start + "action=up from=3 to=4 value=500 per_instance=166.67 bound=50 reason=load_high sample_age=312ms dry_run=true",
		},
		{
			"a failed write", func(_ *config.Target, in *decide.Input, d *loop.Decision) {
				in.Samples[0].Value, d.Err, d.Cause = 500, errors.New("no"), "forbidden"
			},
			`level=error msg="scaling failed" ` + start + "action=none from=3 to=3 value=500 per_instance=166.67 bound=50 reason=write_failed sample_age=312ms cause=forbidden err=no",
		},
		{
			"no data", func(_ *config.Target, in *decide.Input, _ *loop.Decision) {
				in.Samples[0] = sample.Result{Outcome: sample.NoData}
			},
			"level=warn msg=holding " + start + "action=none from=3 to=3 value=null per_instance=null bound=null reason=no_data sample_age=null",
		},
		{
			"several series", func(_ *config.Target, in *decide.Input, _ *loop.Decision) {
				in.Samples[0] = sample.Result{Outcome: sample.ManySeries, Series: 2}
			},
			"level=warn msg=holding " + start + "action=none from=3 to=3 value=null per_instance=null bound=null reason=many_series sample_age=null series=2",
		},
		{
			"paused", func(_ *config.Target, in *decide.Input, _ *loop.Decision) {
				in.Block = decide.Block{Reason: decide.Paused, By: "annotation"}
			},
			"level=info msg=holding " + start + "action=none from=3 to=3 value=119 per_instance=39.67 bound=null reason=paused sample_age=312ms paused_by=annotation",
		},
		{
			"owned by another", func(_ *config.Target, in *decide.Input, _ *loop.Decision) {
				in.Block = decide.Block{Reason: decide.OwnedByOther, By: "horizontalpodautoscaler/web"}
			},
			"level=warn msg=holding " + start + "action=none from=3 to=3 value=119 per_instance=39.67 bound=null reason=owned_by_other sample_age=312ms owner=horizontalpodautoscaler/web",
		},
		{
			"a delay", func(t *config.Target, in *decide.Input, _ *loop.Decision) {
				t.Policy.ScaleDownDelay, in.Samples[0].Value = 5*time.Minute, 0
			},
			"level=info msg=waiting " + start + "action=none from=3 to=3 value=0 per_instance=0 bound=20 reason=scale_down_delay sample_age=312ms left=5m0s",
		},
		{
			"the calendar's minimum", func(_ *config.Target, in *decide.Input, _ *loop.Decision) {
				in.Limits.Min, in.Limits.MinBy, in.Samples[0].Value = 3, "office hours", 0
			},
			`level=info msg="nothing to do" ` + start + `action=none from=3 to=3 value=0 per_instance=0 bound=20 reason=load_low_at_min sample_age=312ms calendar="office hours"`,
		},
		{
			"an unreadable workload", func(_ *config.Target, _ *decide.Input, d *loop.Decision) { d.Scale = nil },
			"level=warn msg=holding " + start + "action=none from=null to=null value=119 per_instance=null bound=null reason=workload_unreadable sample_age=312ms cause=timeout err=late",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := decided(c.change)
			if d.Scale == nil {
				d.Decision = d.Target.Policy.Unknown(d.Input)
				d.Err, d.Cause = errors.New("late"), "timeout"
			}
			var out bytes.Buffer
			NewLog(log.NewLogfmtLogger(&out)).Observe(d)
			if got := strings.TrimSpace(out.String()); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// What repeats is at debug, but for one line in ten minutes: a quiet log is not
// a dead loop.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := NewLog(log.NewLogfmtLogger(&out))
		for i := range 6 * 60 { // an hour
			d := decided()
			d.Repeat = i > 0
			l.Observe(d)
			time.Sleep(10 * time.Second)
		}
		if n := strings.Count(out.String(), "level=info"); n != 6 {
			t.Errorf("%d lines at info in an hour, want 6:\n%s", n, out.String())
		}
		if n := strings.Count(out.String(), "level=debug"); n != 6*60-6 {
			t.Errorf("%d lines at debug, want the others", n)
		}
	})
}

func TestChangesByOthers(t *testing.T) {
	for _, c := range []struct {
		kind    loop.ChangeKind
		manager string
		want    string
	}{
		{loop.Foreign, "kubectl", `msg="replicas changed by another writer" target=camunda namespace=bpm workload=deployment/camunda-deployment manager=kubectl from=2 to=3 reverted=false`},
		{loop.Reverted, "", `msg="replicas changed by another writer" target=camunda namespace=bpm workload=deployment/camunda-deployment manager=unknown from=2 to=3 reverted=true`},
		{loop.Recreated, "", `msg="workload recreated" target=camunda namespace=bpm workload=deployment/camunda-deployment from=2 to=3`},
	} {
		d := decided()
		d.Change, d.Scale.Writer.Manager = loop.Change{Kind: c.kind, From: 2, To: 3}, c.manager
		var out bytes.Buffer
		NewLog(log.NewLogfmtLogger(&out)).Observe(d)
		if got, _, _ := strings.Cut(out.String(), "\n"); got != "level=info "+c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
	}
}

func TestEventsTellWhy(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*config.Target, *decide.Input, *loop.Decision)
		want   string
	}{
		{
			"up", func(_ *config.Target, in *decide.Input, _ *loop.Decision) { in.Samples[0].Value = 500 },
			"ScaledUp: Scaled from 3 to 4 replicas: 500 on 3 is 166.67 per replica, and the bound is 50",
		},
		{
			"down", func(_ *config.Target, in *decide.Input, _ *loop.Decision) { in.Samples[0].Value = 40 },
			"ScaledDown: Scaled from 3 to 2 replicas: 40 on 3 is 13.33 per replica, and the bound is 20",
		},
		{
			"by the total", func(t *config.Target, _ *decide.Input, _ *loop.Decision) { t.Policy.Triggers[0].Rule.Absolute = true },
			"ScaledUp: Scaled from 3 to 4 replicas: 119, and the bound is 50",
		},
		{
			"the calendar's minimum", func(_ *config.Target, in *decide.Input, _ *loop.Decision) {
				in.Limits.Min, in.Limits.MinBy = 4, "office hours"
			},
			`ScaledUp: Scaled from 3 to 4 replicas: the minimum is 4 (calendar entry "office hours")`,
		},
		{
			"a failed write", func(_ *config.Target, in *decide.Input, d *loop.Decision) {
				in.Samples[0].Value, d.Err, d.Cause = 500, errors.New("refused"), "connection"
			},
			"ScalingFailed: Could not scale from 3 to 4 replicas: 500 on 3 is 166.67 per replica, and the bound is 50 (connection: refused)",
		},
		{"a write that failed in the same way before", func(_ *config.Target, in *decide.Input, d *loop.Decision) {
			in.Samples[0].Value, d.Err, d.Cause, d.Repeat = 500, errors.New("refused"), "connection", true
		}, ""},
		{"dry run", func(t *config.Target, in *decide.Input, _ *loop.Decision) { t.DryRun, in.Samples[0].Value = true, 500 }, ""},
		{"nothing to do", func(*config.Target, *decide.Input, *loop.Decision) {}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			Events{func(e event.Event) {
				got = e.Reason + ": " + e.Message
				if e.UID != "one" || e.Warning != (e.Reason == "ScalingFailed") || e.Workload.Name != "camunda-deployment" {
					t.Errorf("got %+v", e)
				}
			}}.Observe(decided(c.change))
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestRounded(t *testing.T) {
	for v, want := range map[float64]float64{
		0: 0, 119.0 / 3: 39.67, -13.333: -13.33, 50: 50, 0.004: 0.004, 1e-9: 1e-9, 1.5e15: 1.5e15, math.MaxFloat64: math.MaxFloat64,
	} {
		if got := rounded(v); got != want {
			t.Errorf("%v: got %v, want %v", v, got, want)
		}
	}
}
