package check

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// fault is what an alert is for.
type fault struct {
	alert  string
	after  string            // in whole minutes from the first bad sample to the alert: the column of docs/alerts.md
	fault  string            // the series, as in healthy
	target bool              // it is about a target, and not about a Pod
	twin   string            // a job for which it fires as well
	labels map[string]string // in addition to those of all alerts of its kind
}

var faults = []fault{
	{alert: "CamundaExporterDown", after: "8m", fault: "exporter a up 0\nexporter a * absent"},
	{alert: "CamundaEngineUnreachable", after: "5m", fault: "exporter a camunda_up 0"},
	{alert: "CamundaHistoryUnreadable", after: "10m", fault: "exporter a camunda_history_readable 0"},
	{alert: "CamundaClockSkew", after: "15m", fault: "exporter a camunda_clock_skew_seconds -2.4"},
	{alert: "CamundaTimeZonesDiffer", after: "1m", fault: "exporter a camunda_process_instances_misdated 12"},
	{
		alert: "CamundaIncidentsRising", after: "15m", fault: `exporter a camunda_incidents{incident_type="failedJob"} 5`,
		labels: map[string]string{"incident_type": "failedJob"},
	},
	{alert: "CamundaJobsOutOfRetries", after: "20m", fault: "exporter a camunda_jobs_out_of_retries 3"},
	{
		alert: "CamundaCollectorFailing", after: "15m", fault: `exporter a camunda_exporter_collector_success{collector="jobs"} 0`,
		labels: map[string]string{"collector": "jobs"},
	},

	{alert: "CamundaScalerDown", after: "6m", fault: "scaler a up 0\nscaler a * absent\nscaler b up 0\nscaler b * absent"},
	{alert: "CamundaScalerNoLeader", after: "5m", fault: "scaler a camunda_scaler_leader 0"},
	{alert: "CamundaScalerSeveralLeaders", after: "5m", fault: "scaler b camunda_scaler_leader 1"},
	{alert: "CamundaScalerWorkloadShared", after: "5m", target: true, twin: "second", fault: `scaler a camunda_scaler_target_info{job="second",INFO} 1`},
	{alert: "CamundaScalerReloadFailed", after: "5m", fault: "scaler b camunda_scaler_config_last_reload_successful 0"},
	{alert: "CamundaScalerNotDeciding", after: "10m", target: true, fault: decidedAt + "frozen"},
	{alert: "CamundaScalerNoFreshSample", after: "5m", target: true, fault: holds("no_data")},
	{alert: "CamundaScalerSampleGaps", after: "21m", target: true, fault: holds("stale")},
	{alert: "CamundaScalerStepOverdue", after: "1h10m", target: true, fault: decides("none", "scale_down_delay")},
	{
		alert: "CamundaScalerCannotScale", after: "6m", target: true,
		fault:  holds("write_failed") + `scaler a camunda_scaler_errors_total{target="t",operation="write",cause="forbidden"} +3`,
		labels: map[string]string{"operation": "write", "cause": "forbidden"},
	},
	{
		alert: "CamundaScalerContested", after: "8m", target: true,
		fault:  holds("owned_by_other"),
		labels: map[string]string{"reason": "owned_by_other"},
	},
	{
		alert: "CamundaScalerBusyUnknown", after: "10m", target: true,
		fault: holds("busy_unknown"),
	},
	{alert: "CamundaScalerWaitsForReady", after: "13m", target: true, fault: decides("none", "wait_for_ready")},
	{alert: "CamundaScalerMaxUnknown", after: "10m", target: true, fault: `scaler a camunda_scaler_max_replicas{target="t"} absent`},
	{alert: "CamundaScalerPaused", after: "8h", target: true, fault: holds("paused") + `scaler a camunda_scaler_paused{target="t"} 1`},
	{alert: "CamundaScalerSwitchedOff", after: "8h15m", target: true, fault: holds("switched_off") + `scaler a camunda_scaler_replicas{target="t"} 0`},
	{alert: "CamundaScalerOverloadedAtMax", after: "13m", target: true, fault: decides("none", "load_high_at_max")},
	{
		alert: "CamundaScalerFlapping", after: "12m", target: true,
		fault: `scaler a camunda_scaler_steps_total{target="t",action="up",reason="load_high"} +0.5
			scaler a camunda_scaler_steps_total{target="t",action="down",reason="load_low"} +0.5`,
	},
}

// starts is how long a world is healthy at first: longer than the range of any
// alert but that for a job that disappeared.
const starts = time.Hour

// expected are the labels of the fault's alert.
func (f fault) expected(id identity, severity string) map[string]string {
	component := "exporter"
	if strings.HasPrefix(f.alert, "CamundaScaler") {
		component = "scaler"
	}
	l := map[string]string{"severity": severity, "namespace": id.namespace, "job": id.labels(component, "a")["job"]}
	if id.cluster != "" {
		l["cluster"] = id.cluster
	}
	if id.static != "" && component == "exporter" {
		l["instance"] = id.labels(component, "a")["instance"]
	}
	if f.target {
		maps.Copy(l, map[string]string{"target": "t", "workload_namespace": "bpm", "workload_kind": "Deployment", "workload_name": id.workload})
	}
	maps.Copy(l, f.labels)
	return l
}

// severities are those of the alerts.
func severities(t *testing.T) map[string]string {
	all := map[string]string{}
	for _, g := range readRules(t).Groups {
		for _, r := range g.Rules {
			all[r.Alert] = r.Labels["severity"]
		}
	}
	return all
}

func (f fault) duration(t *testing.T) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(f.after)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Each alert fires when docs/alerts.md says, for that cluster, release and
// engine only that has the fault, and not for a dry run.
func TestAlertsOnFaults(t *testing.T) {
	severities := severities(t)
	with := func(change func(*identity)) identity {
		id := here
		change(&id)
		return id
	}
	rendered := releases(t)
	for _, f := range faults {
		t.Run(f.alert, func(t *testing.T) {
			t.Parallel()
			after := f.duration(t)
			fires := starts + after
			lasts := after + 30*time.Minute
			bad := []phase{{lasts: starts}, {lasts: lasts, fault: f.fault}}
			good := []phase{{lasts: starts + lasts}}
			one := func(id identity) expectation {
				e := expectation{fires, f.alert, []map[string]string{f.expected(id, severities[f.alert])}}
				if f.twin != "" && !strings.HasPrefix(id.scaler, "one-") { // the rules of a release know no other job
					twin := maps.Clone(e.fires[0])
					twin["job"] = f.twin
					e.fires = append(e.fires, twin)
				}
				return e
			}
			quiet := expectation{at: fires + 10*time.Minute, alert: f.alert}

			gap := (after / 2).Truncate(scrapes)
			a, b := with(func(id *identity) { id.cluster = "a" }), with(func(id *identity) { id.cluster = "b" })
			scenes := []scene{
				{"in time, and over when the fault is", world(here, append(bad, phase{lasts: time.Hour})...), []expectation{
					{at: fires - time.Minute, alert: f.alert}, one(here), {at: starts + lasts + 40*time.Minute, alert: f.alert},
				}},
				{
					"a failed scrape", world(here, phase{lasts: starts}, phase{lasts: gap, fault: f.fault}, phase{lasts: lasts - gap, fault: f.fault, gap: true}),
					[]expectation{one(here)},
				},
				{"one cluster of two", append(world(a, bad...), world(b, good...)...), []expectation{one(a)}},
			}
			a = with(func(id *identity) { id.exporter, id.scaler = "camunda-exporter-a", "camunda-scaler-a" })
			b = with(func(id *identity) {
				id.exporter, id.scaler, id.workload = "camunda-exporter-b", "camunda-scaler-b", "other"
			})
			scenes = append(scenes, scene{"one job of two", append(world(a, bad...), world(b, good...)...), []expectation{one(a)}})
			if f.target {
				dry := with(func(id *identity) { id.dryRun = true })
				scenes = append(scenes, scene{"a dry run", world(dry, bad...), []expectation{quiet}})
			}
			if !strings.HasPrefix(f.alert, "CamundaScaler") {
				a, b = with(func(id *identity) { id.static = "a" }), with(func(id *identity) { id.static = "b" })
				scenes = append(scenes, scene{"one engine of two in a static job", append(world(a, bad...), world(b, good...)...), []expectation{one(a)}})
			}
			promtest(t, onlyRules(t, read(t, "alerts/camunda-autoscaler.yml"), f.alert), scenes...)

			for _, r := range rendered {
				promtest(t, onlyRules(t, r.rules, f.alert),
					scene{"the release, where " + r.name, append(world(r.own, bad...), world(r.other, good...)...), []expectation{one(r.own)}},
					scene{"another release, where " + r.name, append(world(r.own, good...), world(r.other, bad...)...), []expectation{quiet}})
			}
		})
	}
}

// While all is well no alert fires, whatever scrapes fail, and whether or not the
// workload goes to 0 replicas and back.
func TestAlertsAreQuiet(t *testing.T) {
	var working, idling []phase
	var expectations []expectation
	var all []string
	for i := range 20 {
		lasts := 30*time.Minute + time.Duration(i)*scrapes
		working = append(working, phase{lasts: lasts, gap: i%3 > 0})
		idling = append(idling, phase{lasts: lasts, gap: i%3 > 0, fault: toZero + off + decides("none", "load_low_at_min")})
	}
	idling[0].fault = toZero + decides("none", "wait_for_idle")
	idling[1].fault = toZero + decides("none", "scale_to_zero_delay")
	idling[19].fault = toZero
	for _, g := range readRules(t).Groups {
		for _, r := range g.Rules {
			all = append(all, r.Alert)
			for at := 5 * time.Minute; at < 11*time.Hour && r.Alert != ""; at += 7 * time.Minute {
				expectations = append(expectations, expectation{at: at, alert: r.Alert})
			}
		}
	}
	promtest(t, onlyRules(t, read(t, "alerts/camunda-autoscaler.yml"), all...),
		scene{"healthy", world(here, working...), expectations}, scene{"at 0 by a rule", world(here, idling...), expectations})
}

type release struct {
	name       string
	rules      []byte
	own, other identity
}

// releases are the rules of a release that shares its namespace with another.
func releases(t *testing.T) []release {
	t.Helper()
	own := identity{namespace: "bpm", exporter: "one-camunda-autoscaler-exporter", scaler: "one-camunda-autoscaler-scaler", workload: "camunda"}
	other := identity{namespace: "bpm", exporter: "two-camunda-autoscaler-exporter", scaler: "two-camunda-autoscaler-scaler", workload: "other"}
	plain := release{"jobs are Services", renderedRules(t), own, other}
	own.services, other.services = true, true
	labelled := release{"jobs are a label of the Services", renderedRules(t,
		"--set=exporter.serviceMonitor.jobLabel=app.kubernetes.io/name", "--set=scaler.serviceMonitor.jobLabel=app.kubernetes.io/name"), own, other}
	return []release{plain, labelled}
}

// renderedRules are the rules in the chart's PrometheusRule.
func renderedRules(t *testing.T, values ...string) []byte {
	t.Helper()
	out := needs(t, helm4, append([]string{
		"template", "one", autoscaler, "--namespace=bpm", "--kube-version=" + kubeVersion,
		"--set=scaler.config.prometheus.url=http://prometheus:9090", "--set=prometheusRule.enabled=true", "--show-only=templates/prometheusrule.yaml",
	}, values...)...)
	text, err := yaml.Marshal(objects(t, out)[0]["spec"])
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// The table of docs/alerts.md says what these tests measure.
func TestAlertsInTheDocs(t *testing.T) {
	after := map[string]string{}
	for _, f := range faults {
		after[f.alert] = f.after
	}
	docs := string(read(t, "docs/alerts.md"))
	for _, g := range readRules(t).Groups {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			if after[r.Alert] == "" {
				t.Errorf("%s: no fault that it is for", r.Alert)
			}
			threshold := "" // and its unit, in brackets
			if m := regexp.MustCompile(`([0-9.]+)\)? # threshold`).FindStringSubmatch(r.Expr); m != nil {
				threshold = m[1] + " ("
			}
			row := fmt.Sprintf("| [%s](runbooks/%s.md) | %s | %s | %s", r.Alert, r.Alert, r.Labels["severity"], after[r.Alert], threshold)
			if !strings.Contains(docs, "\n"+row) || threshold == "" && !strings.Contains(docs, row+"| ") {
				t.Errorf("docs/alerts.md lacks %s", row)
			}
		}
	}
}
