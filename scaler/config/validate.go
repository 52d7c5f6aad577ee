package config

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/flap"
)

// minInterval keeps a slip of the pen from flooding Prometheus.
const minInterval = time.Second

// fault is one thing that is wrong with the value at path, which is made of
// the keys of the file.
type fault struct {
	path []string
	err  error
}

type faults []fault

func (f *faults) add(path []string, format string, args ...any) {
	*f = append(*f, fault{path, fmt.Errorf(format, args...)})
}

// check returns all that is wrong with a target but its times. Listed says
// that its queries are those of a list of triggers.
func (t Target) check(listed bool) []fault {
	var f faults
	t.checkWorkload(&f)
	before := len(f)
	for i, trigger := range t.Policy.Triggers {
		at := func(key ...string) []string {
			if listed {
				key = append([]string{"triggers", strconv.Itoa(i)}, key...)
			}
			return key
		}
		if strings.TrimSpace(t.Queries[i].PromQL) == "" {
			want := "PromQL that returns one number"
			if t.Group != nil {
				want = "PromQL whose labels name the workloads, as in sum by (namespace, deployment) (...)"
			}
			f.add(at("query"), "empty: want %s", want)
		}
		switch r := trigger.Rule; {
		case r.Kind == decide.Target && r.ValuePerReplica <= 0:
			f.add(at("rule", "value_per_replica"), "%v is too low: want a number above 0", r.ValuePerReplica)
		case r.Kind == decide.Step && r.ScaleUpAt <= r.ScaleDownAt:
			f.add(at("rule", "scale_up_at"), "%v is not above scale_down_at, %v: raise scale_up_at or lower scale_down_at", r.ScaleUpAt, r.ScaleDownAt)
		}
		if lowest, highest := t.span(); trigger.OnNoData == decide.FallbackOnNoData && (trigger.FallbackReplicas < lowest || trigger.FallbackReplicas > highest) {
			f.add(at("fallback_replicas"), "%d is not between min_replicas and max_replicas: want %d to %d", trigger.FallbackReplicas, lowest, highest)
		}
	}
	t.checkBusyPods(&f)
	t.checkLimits(&f)
	t.checkCalendar(&f)
	if len(f) == before && !t.AllowFlapping && len(t.Policy.Triggers) > 0 {
		t.checkFlaps(&f)
	}
	return f
}

// checkLimits checks the limits of the rule.
func (t Target) checkLimits(f *faults) {
	at, limits := []string{"rule", "min_replicas"}, t.Policy.Limits
	t.checkMinimum(f, at, limits.Min)
	if limits.Max < 1 {
		f.add([]string{"rule", "max_replicas"}, "%d is too low: want 1 or more", limits.Max)
		return
	}
	if limits.Min > limits.Max {
		f.add(at, "%d is above max_replicas, %d: lower min_replicas or raise max_replicas", limits.Min, limits.Max)
	}
}

// checkMinimum checks a minimum. From 0 replicas only rules come back that do not
// divide by them.
func (t Target) checkMinimum(f *faults, at []string, least int32) {
	switch {
	case least < 0:
		f.add(at, "%d is too low: want 0 or more", least)
	case least == 0 && !t.Policy.FromZero():
		f.add(at, "0 replicas would stay 0, because a rule divides the value by them: want 1 or more, or type: target or per: total in every rule")
	case least == 0 && !t.Workload.RecordsZero():
		f.add(at, "0 is for Deployment, ReplicaSet and StatefulSet of apps/v1; who sets another kind, such as %s of %s, to 0 is not recorded: want 1 or more", t.Workload.Kind, t.Workload.APIVersion)
	case least == 0 && slices.ContainsFunc(t.Queries, func(q Query) bool { return q.Zero }):
		f.add(at, "0 contradicts on_no_data: zero, by which an answer without data would end the last replica: want 1 or more, or on_no_data: hold")
	}
}

// checkBusyPods checks how it is known which Pods work.
func (t Target) checkBusyPods(f *faults) {
	b := t.BusyPods
	if b == nil {
		return
	}
	if strings.TrimSpace(b.PromQL) == "" {
		f.add([]string{"busy_pods", "query"}, "empty: want PromQL that returns one series for each Pod")
	}
	if !model.LabelName(b.PodLabel).IsValid() { //nolint:staticcheck // labels of every server
		f.add([]string{"busy_pods", "pod_label"}, "%q: want the name of a label", b.PodLabel)
	}
}

func (t Target) checkWorkload(f *faults) {
	w, under := t.Workload, "workload"
	if t.Group != nil {
		under = "workloads"
	}
	if gv, err := schema.ParseGroupVersion(w.APIVersion); err != nil || gv.Version == "" {
		f.add([]string{under, "api_version"}, "%q: want group/version, for example apps/v1", w.APIVersion)
	}
	if !kindPattern.MatchString(w.Kind) {
		f.add([]string{under, "kind"}, "%q: want a kind as in a manifest, for example Deployment", w.Kind)
	}
	if (t.Group == nil || w.Namespace != "") && len(utilvalidation.IsDNS1123Label(w.Namespace)) > 0 {
		f.add([]string{under, "namespace"}, "%q: want at most 63 lower-case letters, digits and inner dashes", w.Namespace)
	}
	if t.Group == nil && len(utilvalidation.IsDNS1123Subdomain(w.Name)) > 0 {
		f.add([]string{under, "name"}, "%q: want lower-case letters, digits, inner dashes and dots", w.Name)
	}
}

var kindPattern = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)

// checkCalendar checks the limits in the calendar.
func (t Target) checkCalendar(f *faults) {
	_, highest := t.span()
	for i, w := range t.Calendar {
		at := func(key string) []string { return []string{"calendar", strconv.Itoa(i), key} }
		if w.Min == nil && w.Max == nil {
			f.add(at("min_replicas"), "no limit: want min_replicas, max_replicas or both")
		}
		if w.Min != nil {
			t.checkMinimum(f, at("min_replicas"), *w.Min)
		}
		if w.Max != nil && *w.Max < 1 {
			f.add(at("max_replicas"), "%d is too low: want 1 or more; min_replicas: 0 lets the load decide whether there are any", *w.Max)
		}
		switch {
		case w.Min != nil && w.Max != nil && *w.Min > *w.Max:
			f.add(at("min_replicas"), "%d is above max_replicas, %d: lower min_replicas or raise max_replicas", *w.Min, *w.Max)
		case w.Min != nil && *w.Min > highest:
			f.add(at("min_replicas"), "%d is above every max_replicas of the target, at most %d: lower min_replicas or raise one of them", *w.Min, highest)
		}
	}
}

// span is the lowest minimum and the highest maximum of the rule and the
// calendar.
func (t Target) span() (lowest, highest int32) {
	lowest, highest = t.Policy.Limits.Min, t.Policy.Limits.Max
	for _, w := range t.Calendar {
		if w.Min != nil {
			lowest = min(lowest, *w.Min)
		}
		if w.Max != nil {
			highest = max(highest, *w.Max)
		}
	}
	return lowest, highest
}

// limits are all that the rule and the calendar can put in force, first those
// of the rule.
func (t Target) limits() []decide.Limits {
	var all []decide.Limits
	for _, l := range t.Calendar.Possible(t.Policy.Limits) {
		if in := (decide.Limits{Min: l.Min, Max: l.Max}); !slices.Contains(all, in) {
			all = append(all, in)
		}
	}
	return all
}

// checkFlaps reports a constant load at which the target flaps, under any limits
// that can be in force.
func (t Target) checkFlaps(f *faults) {
	found, limits, ok := t.flaps()
	if !ok {
		return
	}
	when := ""
	if limits != t.Policy.Limits {
		when = fmt.Sprintf(", when the calendar allows %d to %d", limits.Min, limits.Max)
	}
	at, accept := []string{"rule", "scale_down_at"}, "allow_flapping"
	if i := slices.IndexFunc(t.Policy.Triggers, func(of decide.Trigger) bool { return of.Name == found.Trigger }); t.listed() {
		at, accept = append([]string{"triggers", strconv.Itoa(i)}, at...), "allow_flapping in the target's rule"
	}
	f.add(at, "%s%s: want scale_down_at below %s, or %s", found, when, float(found.Below), accept)
}

// flaps returns the first limits under which the target flaps.
func (t Target) flaps() (flap.Flap, decide.Limits, bool) {
	for _, limits := range t.limits() {
		if found, ok := flap.Find(t.Policy, limits, t.MaxReplicasQuery != ""); ok {
			return found, limits, true
		}
	}
	return flap.Flap{}, decide.Limits{}, false
}

// checkTimes checks the times that all targets share. maxSampleAge is nil if it
// was left out.
func checkTimes(interval time.Duration, maxSampleAge *time.Duration) []fault {
	var f faults
	if interval < minInterval {
		f.add([]string{"interval"}, "%s is too short: want %s or more", interval, minInterval)
	}
	if maxSampleAge != nil && *maxSampleAge < interval {
		f.add([]string{"max_sample_age"}, "%s is below the interval, %s: want at least that, or samples become stale between two decisions", *maxSampleAge, interval)
	}
	return f
}

// ParseURL parses the address of a Prometheus.
func ParseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, errors.New("not a URL: want http://host:port or https://host:port") // the error may have a password in it
	}
	shown := Prometheus{URL: u}.Redacted()
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q: want http://host:port or https://host:port", shown)
	}
	if u.Fragment != "" {
		return nil, fmt.Errorf("%q: want no #fragment", shown)
	}
	if err := checkNoPassword(u); err != nil {
		return nil, fmt.Errorf("%q: %w", shown, err)
	}
	return u, nil
}
