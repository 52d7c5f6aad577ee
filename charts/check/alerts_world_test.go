package check

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// Worlds for promtool: the series of one exporter and of one scaler with a
// leader (Pod a) and a standby (Pod b), first healthy, then with a fault.

// scrapes is the time between two samples, and between two evaluations.
const scrapes = 30 * time.Second

// healthy are the series of a world without a fault. A line has the component,
// the Pod, the series and its value: a number, or how it changes from sample to
// sample: +N adds N, now is the time, frozen stays as it is, absent is none.
const healthy = `
exporter a up 1
exporter a camunda_up 1
exporter a camunda_history_readable 1
exporter a camunda_clock_skew_seconds 0.3
exporter a camunda_process_instances_misdated 0
exporter a camunda_incidents{incident_type="failedJob"} 2
exporter a camunda_jobs_out_of_retries 0
exporter a camunda_exporter_collector_success{collector="jobs"} 1
exporter a camunda_exporter_collector_success{collector="incidents"} 1
scaler a up 1
scaler a camunda_scaler_leader 1
scaler a camunda_scaler_config_last_reload_successful 1
scaler a camunda_scaler_target_info{INFO} 1
scaler a camunda_scaler_interval_seconds 10
scaler a camunda_scaler_sample_interval_seconds{target="t"} 10
scaler a camunda_scaler_last_decision_timestamp_seconds{target="t",action="none",reason="within_bounds"} now
scaler a camunda_scaler_replicas{target="t"} 2
scaler a camunda_scaler_min_replicas{target="t"} 1
scaler a camunda_scaler_max_replicas{target="t"} 4
scaler a camunda_scaler_steps_total{target="t",action="up",reason="load_high"} +0
scaler a camunda_scaler_steps_total{target="t",action="down",reason="load_low"} +0
scaler b up 1
scaler b camunda_scaler_leader 0
scaler b camunda_scaler_config_last_reload_successful 1
scaler b camunda_scaler_target_info{INFO} 1
scaler b camunda_scaler_interval_seconds 10
`

// decides is the fault that the last decision has another reason.
func decides(action, reason string) string {
	return `scaler a camunda_scaler_last_decision_timestamp_seconds{target="t",action="none",reason="within_bounds"} absent
scaler a camunda_scaler_last_decision_timestamp_seconds{target="t",action="` + action + `",reason="` + reason + `"} now
`
}

// identity is what tells one world's series from another's.
type identity struct {
	cluster, namespace string
	exporter, scaler   string // jobs
	static             string // instance; without it the series are of Pods
	services           bool   // the label service, which the operator adds
	dryRun             bool
	workload           string // of the target
}

var here = identity{namespace: "n", exporter: "camunda-exporter", scaler: "camunda-scaler", workload: "camunda"}

func (id identity) labels(component, pod string) map[string]string {
	l := map[string]string{"namespace": id.namespace, "job": id.exporter, "instance": id.static + pod + ":9750"}
	if component == "scaler" {
		l["job"], l["instance"] = id.scaler, id.static+pod+":9751"
	}
	if id.static == "" {
		l["pod"] = component + "-" + pod
	}
	if id.services {
		l["service"] = map[string]string{"exporter": id.exporter, "scaler": id.scaler}[component]
		l["job"] = "camunda-autoscaler"
	}
	if id.cluster != "" {
		l["cluster"] = id.cluster
	}
	return l
}

// phase is a stretch of time in a world's life.
type phase struct {
	lasts time.Duration
	fault string // lines that replace healthy ones or are added; "COMPONENT POD * absent" is every series but up
	gap   bool   // its first scrapes fail: stale series, and up is 0
}

type series struct {
	Series string
	Values string
}

// world is the series of the phases, one after the other.
func world(id identity, phases ...phase) []series {
	lives := make([]map[string]string, len(phases))
	names := map[string]bool{}
	for i, p := range phases {
		lives[i] = values(healthy)
		for series, value := range values(p.fault) {
			if prefix, all := strings.CutSuffix(series, "*"); all {
				for other := range lives[i] {
					if strings.HasPrefix(other, prefix) && other != prefix+"up" {
						lives[i][other] = value
					}
				}
			} else {
				lives[i][series] = value
			}
		}
		for series := range lives[i] {
			names[series] = true
		}
	}
	var all []series
	for _, line := range slices.Sorted(maps.Keys(names)) {
		part := strings.SplitN(line, " ", 3)
		name, own, _ := strings.Cut(strings.TrimSuffix(part[2], "}"), "{")
		labels := id.labels(part[0], part[1])
		pairs := []string{}
		for _, k := range slices.Sorted(maps.Keys(labels)) {
			if !strings.Contains(","+own, ","+k+"=") {
				pairs = append(pairs, fmt.Sprintf("%s=%q", k, labels[k]))
			}
		}
		if own != "" {
			info := fmt.Sprintf(`target="t",group="t",workload_namespace="bpm",workload_kind="Deployment",workload_name=%q,dry_run="%v"`, id.workload, id.dryRun)
			pairs = append(pairs, strings.Replace(own, "INFO", info, 1))
		}
		var written writer
		for i, p := range phases {
			value, ok := lives[i][line]
			if !ok {
				value = "absent"
			}
			samples := int(p.lasts / scrapes)
			if p.gap {
				samples--
				if name == "up" {
					written.samples("0", 1)
				} else {
					written.gap()
					if step, err := strconv.ParseFloat(value, 64); err == nil && value[0] == '+' {
						written.last += step // it went on counting
					}
				}
			}
			written.samples(value, samples)
		}
		all = append(all, series{name + "{" + strings.Join(pairs, ",") + "}", strings.Join(written.out, " ")})
	}
	return all
}

// values are the values of lines, by the rest of the line.
func values(lines string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(strings.TrimSpace(lines)) {
		line = strings.TrimSpace(line)
		if at := strings.LastIndex(line, " "); at > 0 {
			all[line[:at]] = line[at+1:]
		}
	}
	return all
}

// writer writes samples in promtool's notation.
type writer struct {
	out     []string
	index   int     // of the next sample
	last    float64 // the last sample
	present bool
}

func (w *writer) gap() {
	value := "_"
	if w.present {
		value = "stale"
	}
	w.out, w.index = append(w.out, value), w.index+1
}

func (w *writer) samples(value string, n int) {
	if n == 0 {
		return
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	first, step := w.last, 0.0
	switch {
	case value == "absent":
		w.gap()
		if n > 1 {
			w.out = append(w.out, fmt.Sprintf("_x%d", n-1))
		}
		w.index, w.present = w.index+n-1, false
		return
	case value == "frozen":
	case value == "now":
		first, step = float64(w.index)*scrapes.Seconds(), scrapes.Seconds()
	case strings.HasPrefix(value, "+"):
		step, _ = strconv.ParseFloat(value, 64)
		first += step
	default:
		var err error
		if first, err = strconv.ParseFloat(value, 64); err != nil {
			panic(err)
		}
	}
	w.out = append(w.out, fmt.Sprintf("%s+%sx%d", number(first), number(step), n-1))
	w.index, w.last, w.present = w.index+n, first+step*float64(n-1), true
}

// expectation is which alerts of a name fire at a time, by their labels.
type expectation struct {
	at    time.Duration
	alert string
	fires []map[string]string
}

// scene is one test of promtool's.
type scene struct {
	name   string
	series []series
	expect []expectation
}

// promtest has promtool evaluate the rules in each scene.
func promtest(t *testing.T, rules string, scenes ...scene) {
	t.Helper()
	type object = map[string]any
	var groups []object
	for _, s := range scenes {
		tests, inputs := []object{}, []object{}
		for _, e := range s.expect {
			alerts := []object{}
			for _, labels := range e.fires {
				alerts = append(alerts, object{"exp_labels": labels})
			}
			tests = append(tests, object{"eval_time": e.at.String(), "alertname": e.alert, "exp_alerts": alerts})
		}
		for _, one := range s.series {
			inputs = append(inputs, object{"series": one.Series, "values": one.Values})
		}
		groups = append(groups, object{"name": s.name, "interval": scrapes.String(), "input_series": inputs, "alert_rule_test": tests})
	}
	text, err := yaml.Marshal(object{"rule_files": []string{rules}, "evaluation_interval": scrapes.String(), "tests": groups})
	if err != nil {
		t.Fatal(err)
	}
	file := writeFile(t, filepath.Join(t.TempDir(), "test.yml"), text)
	if _, err := runTool(promtool, "test", "rules", file); err != nil {
		t.Error(err)
	}
}

// onlyRules writes the recording rules and those of the alerts to a file, without the
// annotations, which alerts/camunda-autoscaler_test.yml tests.
func onlyRules(t *testing.T, rules []byte, alerts ...string) string {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string
			Rules []map[string]any
		}
	}
	if err := yaml.Unmarshal(rules, &file); err != nil {
		t.Fatal(err)
	}
	for i := range file.Groups {
		g := &file.Groups[i]
		g.Rules = slices.DeleteFunc(g.Rules, func(r map[string]any) bool {
			delete(r, "annotations")
			alert, ok := r["alert"].(string)
			return ok && !slices.Contains(alerts, alert)
		})
	}
	text, err := yaml.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, filepath.Join(t.TempDir(), "rules.yml"), text)
}
