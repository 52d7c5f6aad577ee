package config

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// compile makes the configuration, and reports faults to doc.
func (f file) compile(doc *document) Config {
	c := Config{Prometheus: f.Prometheus.compile(section{doc, []string{"prometheus"}})}
	if len(f.Targets) == 0 {
		doc.fault([]string{"targets"}, "no targets: want one or more under targets")
	}
	for _, fault := range checkTimes(time.Duration(f.Interval), (*time.Duration)(f.MaxSampleAge)) {
		doc.fault(fault.path, "%v", fault.err)
	}
	for i, ft := range f.Targets {
		at := section{doc, []string{"targets", strconv.Itoa(i)}}
		t := ft.compile(f, at)
		if ft.Prometheus != nil {
			own := filePrometheus(*ft.Prometheus).compile(at.under("prometheus"))
			t.Prometheus = &own
		}
		for _, fault := range t.check(ft.Triggers != nil) {
			doc.fault(slices.Concat(at.path, fault.path), "%v", fault.err)
		}
		c.Targets = append(c.Targets, t)
	}
	c.checkUnique(doc)
	return c
}

func (p filePrometheus) compile(at section) Prometheus {
	made := Prometheus{HTTP: p.HTTP}
	address, err := ParseURL(p.URL)
	if err != nil {
		at.fault("url", "%v", err)
	} else {
		query := address.Query()
		maps.Copy(query, p.Params)
		address.RawQuery = query.Encode()
		made.URL = address
	}
	for _, fault := range checkSecrets(p.HTTP) {
		at.doc.fault(slices.Concat(at.path, []string{"http_client"}, fault.path), "%v", fault.err)
	}
	return made
}

// checkUnique reports repeated names and workloads.
func (c Config) checkUnique(doc *document) {
	names, workloads := map[string]int{}, map[workload.Ref]int{} // lines
	groups := map[string]int{}
	for i, t := range c.Targets {
		if t.Group != nil {
			groups[t.Name] = doc.line("targets", strconv.Itoa(i))
		}
	}
	for i, t := range c.Targets {
		at := section{doc, []string{"targets", strconv.Itoa(i)}}
		line := doc.line(at.path...)
		if first, ok := names[t.Name]; ok {
			at.fault("name", "the name %q is already used by the target on line %d: want another name", t.Name, first)
		}
		names[t.Name] = line
		for end, r := range t.Name {
			if first, ok := groups[t.Name[:end]]; ok && r == '/' {
				at.fault("name", "the name %q may be that of a workload of the target on line %d: want another name", t.Name, first)
			}
		}
		if t.Group != nil {
			continue
		}
		object := t.Workload
		object.APIVersion = schema.FromAPIVersionAndKind(object.APIVersion, object.Kind).Group // versions of one object
		if first, ok := workloads[object]; ok {
			at.fault("workload", "%s in namespace %s is already scaled by the target on line %d: want one target per workload", t.Workload, t.Workload.Namespace, first)
		}
		workloads[object] = line
	}
}

// section is a part of a document.
type section struct {
	doc  *document
	path []string
}

func (s section) under(keys ...string) section {
	return section{s.doc, append(slices.Clone(s.path), keys...)}
}

func (s section) has(key string) bool { return s.doc.has(s.under(key).path...) }

func (s section) fault(key, format string, args ...any) {
	s.doc.fault(s.under(key).path, format, args...)
}

func (t fileTarget) compile(f file, at section) Target {
	ref, group := t.workload(at)
	target := Target{
		Name: t.Name, Workload: ref, Group: group,
		Calendar: compileCalendar(t.Calendar, at),
		Interval: time.Duration(f.Interval), DryRun: t.DryRun, Pause: t.pause(at), AllowFlapping: t.Rule.AllowFlapping,
		Policy: decide.Policy{
			Limits:       decide.Limits{Min: t.Rule.MinReplicas, Max: t.Rule.MaxReplicas},
			ScaleUpDelay: time.Duration(t.ScaleUpDelay), ScaleDownDelay: time.Duration(t.ScaleDownDelay),
			ScaleToZeroDelay:  time.Duration(t.ScaleToZeroDelay),
			ScaleDownCoverage: time.Duration(t.ScaleDownCoverage), HoldAfterStart: time.Duration(t.HoldAfterStart),
			WaitForReady: t.WaitForReady,
		},
	}
	if b := t.BusyPods; b != nil {
		target.BusyPods = &BusyPods{b.Query, b.PodLabel}
		target.Policy.BusyPods = &decide.BusyPods{WaitForIdle: time.Duration(b.WaitForIdle), StepUnknown: b.OnError == stepOnError}
	}
	if f.MaxSampleAge != nil {
		target.Policy.MaxSampleAge = time.Duration(*f.MaxSampleAge)
	}
	if target.Name == "" && group == nil {
		target.Name = ref.Name
	}
	if strings.TrimSpace(target.Name) == "" && group != nil {
		at.fault("name", "no name: want one, with which the names of its workloads in the log and the metrics start")
	}
	target.Policy.Triggers, target.Queries = t.triggers(at)
	step := slices.ContainsFunc(target.Policy.Triggers, func(t decide.Trigger) bool { return t.Rule.Kind == decide.Step })
	target.Policy.StepUp = steps(t.Rule.StepUp, step, at.under("rule"), "step_up")
	target.Policy.StepDown = steps(t.Rule.StepDown, step, at.under("rule"), "step_down")
	if at.under("rule").has("max_replicas_query") {
		target.MaxReplicasQuery = strings.TrimSpace(t.Rule.MaxReplicasQuery)
		switch {
		case target.MaxReplicasQuery == "":
			at.under("rule").fault("max_replicas_query", "empty: want PromQL that returns one number, or leave the key out")
		case group != nil:
			at.under("rule").fault("max_replicas_query", "one number cannot cap every workload of the group: want max_replicas")
		}
	}
	return target
}

// pause returns which steps are not taken.
func (t fileTarget) pause(at section) workload.Pause {
	p := workload.Pause{
		Up:   t.Paused == pausedBoth || t.Paused == pausedUp,
		Down: t.Paused == pausedBoth || t.Paused == pausedDown,
	}
	if t.PausedUntil == nil {
		return p
	}
	if !p.Any() {
		at.fault("paused_until", "nothing is paused: want paused as well, or leave it out")
	}
	var err error
	if p.Until, err = t.PausedUntil.parse(); err != nil {
		at.fault("paused_until", "%q: want a time with its zone, for example 2026-12-01T08:00:00Z", string(*t.PausedUntil))
	}
	return p
}

// steps returns the limit of a step.
func steps(n *int32, step bool, at section, key string) int32 {
	switch {
	case n == nil && step:
		return 1
	case n == nil:
		return 0
	case *n < 1:
		at.fault(key, "%d is too low: want 1 or more; a target rule without %s has no limit", *n, key)
	}
	return *n
}

// workload returns what is scaled, without what a group's labels name.
func (t fileTarget) workload(at section) (workload.Ref, *Group) {
	if t.Workloads == nil {
		w := t.Workload
		if w == nil {
			w = new(fileWorkload)
			at.doc.setDefaults(reflect.ValueOf(w).Elem())
		}
		return workload.Ref(*w), nil
	}
	if t.Workload != nil {
		at.fault("workloads", "contradicts workload: want one of the two")
	}
	w, in := t.Workloads, at.under("workloads")
	switch {
	case w.NamespaceLabel != "" && w.Namespace != "":
		in.fault("namespace_label", "contradicts namespace: want one of the two")
	case w.NamespaceLabel == "" && w.Namespace == "":
		in.fault("namespace_label", "no namespace_label: want the query's label with the workload's namespace, or namespace if all are in one")
	}
	switch w.NameLabel {
	case "":
		in.fault("name_label", "no name_label: want the query's label with the workload's name")
	case w.NamespaceLabel:
		in.fault("name_label", "%q is already namespace_label: want the query's label with the workload's name", w.NameLabel)
	}
	return workload.Ref{APIVersion: w.APIVersion, Kind: w.Kind, Namespace: w.Namespace},
		&Group{NamespaceLabel: w.NamespaceLabel, NameLabel: w.NameLabel}
}
