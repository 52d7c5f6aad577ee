package dashboards

import (
	"fmt"
	"math"
	"time"
)

// target is one that is made up. It follows the default rule; some are held,
// paused, dry runs, or fought over, and one goes to 0.
type target struct {
	name           string
	kind           int
	base, swing    float64
	period         time.Duration
	phase          float64
	max            int
	replicas       int
	ready          int
	group          string // "" if none
	desired        int
	changed        time.Time
	sampled        time.Time
	worked         time.Time // when there last was something to do
	value          float64
	action, reason string
	steps          map[[2]string]float64
	errors         map[[2]string]float64
	foreign        float64
}

// What becomes of a target.
const (
	ordinary = iota
	pausedTarget
	dryRun
	overloaded
	noData     // for some minutes in every two hours
	unreadable // the same, Kubernetes
	fought     // something else writes its replicas
	toZero     // its rule is a target rule, and there is nothing to do for half of the time
)

// What a target rule wants of each replica.
const perReplica = 50

func newTarget(i int, next func() float64) *target {
	t := &target{
		name: fmt.Sprintf("tenant-%02d-worker", i), base: 20 + 60*next(), swing: .8, period: time.Hour + time.Duration(next()*float64(3*time.Hour)),
		phase: 2 * math.Pi * next(), max: 4 + int(5*next()), replicas: 1, ready: 1, desired: 1,
	}
	if i > 2 {
		t.group = tenants
	}
	t.handOver()
	switch {
	case i == 0:
		t.name, t.base, t.period, t.phase, t.max = "camunda-deployment", 110, 40*time.Minute, 4, 4
	case i == 2:
		t.kind, t.period = toZero, 2*time.Hour
	case i%9 == 3:
		t.kind = []int{fought, dryRun, pausedTarget, overloaded, noData, unreadable}[(i/9)%6]
	}
	if t.kind == overloaded {
		t.base = 900
	}
	return t
}

// handOver: each Pod counts by itself.
func (t *target) handOver() {
	t.steps = map[[2]string]float64{}
	t.errors = map[[2]string]float64{}
	t.foreign = 0
}

func (t *target) load(at time.Time) float64 {
	angle := 2*math.Pi*float64(at.Unix())/t.period.Seconds() + t.phase
	if t.kind == toZero {
		return math.Round(t.base * max(0, 3*math.Sin(angle)))
	}
	return math.Round(t.base * (1 + t.swing*math.Sin(angle)))
}

// held says why the target is held, "" if it is not.
func (t *target) held(at time.Time) string {
	now := at.Unix() / 60 % 120
	switch {
	case t.kind == pausedTarget:
		return "paused"
	case t.kind == noData && now >= 50 && now < 70:
		return "no_data"
	case t.kind == unreadable && now >= 90 && now < 110:
		return "workload_unreadable"
	case now == 30: // the API server hangs for a minute
		return "workload_unreadable"
	}
	return ""
}

// decide is one iteration of a target's loop.
func (t *target) decide(at time.Time, h *History, next func() float64) []Change {
	var changes []Change
	if at.Sub(t.changed) >= 20*time.Second {
		t.ready = t.replicas
	}
	fresh := at.Sub(h.From)%h.Scrape == 0
	reason := t.held(at)
	if fresh && reason != "no_data" {
		t.sampled, t.value = at, t.load(at)
	}
	if t.kind == fought && next() < .01 {
		t.foreign++
		t.replicas, t.changed = 1+int(next()*3), at
		changes = append(changes, Change{at, t.name, "foreign", ""})
	}
	action, change, per := "none", 0, t.value/float64(t.replicas)
	switch {
	case reason != "":
		if reason == "workload_unreadable" {
			t.errors[[2]string{"read", "timeout"}]++
		}
	case !fresh && t.changed.After(t.sampled):
		reason = "sample_used"
	case t.kind == toZero:
		action, reason, change = t.target(at)
	case per >= 50 && t.replicas < t.max:
		action, reason = "up", "load_high"
	case per >= 50:
		reason = "load_high_at_max"
	case per <= 20 && t.replicas > 1:
		action, reason = "down", "load_low"
	case per <= 20:
		reason = "load_low_at_min"
	default:
		reason = "within_bounds"
	}
	if t.kind != toZero {
		change = map[string]int{"up": 1, "down": -1}[action]
	}
	t.desired = t.replicas + change
	if change != 0 && t.kind != dryRun {
		t.replicas, t.changed = t.desired, at.Add(time.Millisecond)
		changes = append(changes, Change{at, t.name, action, reason})
		t.steps[[2]string{action, reason}]++
	}
	t.action, t.reason = action, reason
	return changes
}

// target is what a target rule decides: as many replicas as the value needs, and
// the last one goes five minutes after its work.
func (t *target) target(at time.Time) (action, reason string, change int) {
	desired := min(int(math.Ceil(t.value/perReplica)), t.max)
	if t.value > 0 {
		t.worked = at
	}
	switch {
	case desired > t.replicas:
		return "up", "load_high", desired - t.replicas
	case desired == t.replicas && t.value > float64(perReplica*t.max):
		return "none", "load_high_at_max", 0
	case desired == t.replicas && desired == 0:
		return "none", "load_low_at_min", 0
	case desired == t.replicas:
		return "none", "within_bounds", 0
	case desired == 0 && t.replicas == 1 && at.Sub(t.worked) < 5*time.Minute:
		return "none", "scale_to_zero_delay", 0
	}
	return "down", "load_low", max(desired, min(1, t.replicas-1)) - t.replicas
}

// tenants is a group; its members have its rule.
const tenants = "tenants"

// putRule writes what the members of a group share, or a target of none has itself.
func putRule(s series, name string, toZero bool) {
	rule := func(parameter string, value float64) {
		s.put("camunda_scaler_rule", fmt.Sprintf(`target="%s",trigger="",parameter="%s",per="replica"`, name, parameter), value)
	}
	if toZero {
		rule("value_per_replica", perReplica)
		return
	}
	rule("scale_up_at", 50)
	rule("scale_down_at", 20)
}

func (t *target) put(s series, leads bool, at time.Time, scrape time.Duration) {
	name := `target="` + t.name + `"`
	group := t.name
	if t.group != "" {
		group = t.group
	}
	put := func(metric, labels string, value float64) {
		if labels != "" {
			labels = "," + labels
		}
		s.put("camunda_scaler_"+metric, name+labels, value)
	}
	put("target_info", fmt.Sprintf(`group="%s",workload_namespace="shop",workload_kind="Deployment",workload_name="%s",dry_run="%t"`, group, t.name, t.kind == dryRun), 1)
	if t.kind == pausedTarget {
		put("paused", "", 1)
	}
	put("max_replicas", "", float64(t.max))
	if t.kind == toZero {
		put("min_replicas", "", 0)
	} else {
		put("min_replicas", "", 1)
	}
	if t.group == "" {
		putRule(s, t.name, t.kind == toZero)
	}
	if !leads {
		put("foreign_changes_total", "", 0)
		return
	}
	for key, n := range t.steps {
		put("steps_total", fmt.Sprintf(`action="%s",reason="%s"`, key[0], key[1]), n)
	}
	for key, n := range t.errors {
		put("errors_total", fmt.Sprintf(`operation="%s",cause="%s"`, key[0], key[1]), n)
	}
	put("foreign_changes_total", "", t.foreign)
	put("last_decision_timestamp_seconds", fmt.Sprintf(`action="%s",reason="%s"`, t.action, t.reason), float64(at.Unix()))
	put("sample_age_seconds", `trigger=""`, at.Sub(t.sampled).Seconds()+scrape.Seconds()*.3)
	put("sample_interval_seconds", `trigger=""`, scrape.Seconds())
	held := t.held(at)
	if held != "" {
		put("holding", `reason="`+held+`"`, 1)
	}
	if held != "no_data" {
		put("sample_value", `trigger=""`, t.value)
	}
	if held != "workload_unreadable" {
		put("replicas", "", float64(t.replicas))
		put("ready_replicas", "", float64(t.ready))
	}
	if held == "" {
		put("desired_replicas", "", float64(t.desired))
	}
}
