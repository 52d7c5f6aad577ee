package scaler

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Faults as targets with options meet them.
var optionRows = []row{
	{"zero-on-no-data-and-prometheus-fails", "query_failed", zeroAndPrometheusFails},
	{"zero-on-no-data-and-half-of-thanos-is-away", "no_data", zeroAndThanosWarns},
	{"fallback-on-no-data", "fallback", fallbackOnNoData},
	{"one-trigger-without-data", "no_data", oneTriggerWithoutData},
	{"maximum-unknown", "max_unknown", maximumUnknown},
	{"hole-in-what-a-step-down-needs", "scale_down_coverage", holeInCoverage},
	{"one-of-a-group-without-data", "no_data", oneOfAGroup},
}

// With on_no_data: zero an idle service is 0; a Prometheus that fails is not.
func zeroAndPrometheusFails(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	r.startWithFile(t, fmt.Sprintf(oneTarget, "on_no_data: zero"))
	r.awaitHolds(t, reason, "server", func() { r.prometheus.begin(answer(http.StatusServiceUnavailable, "text/plain", "no healthy upstream")) })
	r.prometheus.end()
	r.load(500)
	r.awaitReplicas(t, 4)
	m.loads.say(r.name) // idle
	r.awaitReplicas(t, 1)
	r.wantSteps(t, "3-4 4-3 3-2 2-1")
}

// An answer that is empty because a store could not be asked comes with a
// warning.
func zeroAndThanosWarns(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	r.startWithFile(t, fmt.Sprintf(oneTarget, "on_no_data: zero"))
	partial := func(w http.ResponseWriter, q *http.Request, next http.Handler) {
		now := float64(time.Now().UnixMilli()) / 1000
		answer(http.StatusOK, "application/json", fmt.Sprintf(`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__camunda_scaler__":"now"},"value":[%f,"0"]}]},"warnings":["store 10.0.0.1:10901 is away"]}`, now))(w, q, next)
	}
	r.holds(t, reason, "", func() { r.prometheus.begin(partial) }, r.prometheus.end)
}

// The fallback is a floor: it lifts three to four, and does not lower four to
// two.
func fallbackOnNoData(t *testing.T, m *matrix, reason string) {
	file := strings.Replace(oneTarget, "interval: 1s", "interval: 1s\nmax_sample_age: 3s", 1)
	r := m.newRig(t, 3, steady)
	path := r.startWithFile(t, fmt.Sprintf(file, "on_no_data: fallback\n    fallback_replicas: 4"))
	m.loads.say(r.name)
	r.await(t, "no_data")
	r.await(t, reason)
	r.awaitReplicas(t, 4)
	write(t, path, r.fill(fmt.Sprintf(file, "on_no_data: fallback\n    fallback_replicas: 2")))
	if code, text := reload(t, r.scaler); code != http.StatusOK {
		t.Fatal(text)
	}
	r.stay(t, 5, "no_data") // longer than max_sample_age
	r.load(30)
	r.awaitReplicas(t, 1)
	r.wantSteps(t, "3-4 4-3 3-2 2-1")
}

const twoTriggers = `
prometheus: {url: PROMETHEUS}
interval: 1s
targets:
  - name: camunda-deployment
    workload: {namespace: NAMESPACE}
    triggers:
      - {name: first, query: QUERY}
      - {name: second, query: 'second{row="%[1]s"}'}
`

// The one says that there is nothing to do, the other one says nothing.
func oneTriggerWithoutData(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	say := func(first, second any) {
		series := []string{fmt.Sprint(r.query(), " ", first)}
		if second != nil {
			series = append(series, fmt.Sprintf("second{row=%q} %v", r.name, second))
		}
		m.loads.say(r.name, series...)
	}
	say(steady, steady)
	r.startWithFile(t, fmt.Sprintf(twoTriggers, r.name))
	r.awaitHolds(t, reason, "", func() { say(0, nil) })
	say(500, nil) // for a step up, one is enough
	r.awaitReplicas(t, 4)
	say(0, 0) // for a step down, both are needed
	r.awaitReplicas(t, 1)
	r.wantSteps(t, "3-4 4-3 3-2 2-1")
}

func maximumUnknown(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	limit := fmt.Sprintf("partitions{row=%q}", r.name)
	say := func(load int, more ...string) {
		m.loads.say(r.name, append([]string{fmt.Sprint(r.query(), " ", load)}, more...)...)
	}
	say(steady, limit+" 5")
	r.startWithFile(t, fmt.Sprintf(oneTarget, "rule: {max_replicas: 9, max_replicas_query: '"+limit+"'}"))
	say(500)
	r.stay(t, 3, reason)
	r.metrics(t, holding(reason))
	say(500, limit+" 5")
	r.awaitReplicas(t, 5)
	r.stay(t, 2, "load_high_at_max")
	r.wantSteps(t, "3-4 4-5")
}

// After a hole, whatever adds up samples is too low. With scale_down_coverage
// it is not believed until samples have come for so long.
func holeInCoverage(t *testing.T, _ *matrix, reason string) {
	m := ownPrometheus(t)
	r := m.newRig(t, 3, steady)
	r.startWithFile(t, fmt.Sprintf(oneTarget, "scale_down_coverage: 20s"))
	r.awaitHolds(t, "query_failed", "connection", m.prometheus.Kill)
	r.load(0)
	m.restart(t)
	r.stay(t, 4, reason)
	r.load(steady) // the sum is complete again, and it was never low
	r.stay(t, 1, "within_bounds")
	r.wantSteps(t, "")
	r.load(0)
	r.awaitReplicas(t, 1)
	r.wantSteps(t, "3-2 2-1")
}

const group = `
prometheus: {url: PROMETHEUS}
interval: 1s
targets:
  - name: tenants
    workloads: {namespace: NAMESPACE, name_label: workload}
    query: 'tenants{row="%[1]s"}'
    timestamp_query: 'timestamp(tenants{row="%[1]s"})'
`

// One query for two Deployments, and the series of one of them vanishes.
func oneOfAGroup(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	createWorkload(t, r.ns, "Deployment", "other", 3)
	series := func(workload string, load int) string {
		return fmt.Sprintf("tenants{row=%q,workload=%q} %d", r.name, workload, load)
	}
	m.loads.say(r.name, series(workloadName, steady), series("other", steady))
	r.startWithFile(t, fmt.Sprintf(group, r.name))
	m.loads.say(r.name, series(workloadName, 500))
	r.awaitReplicas(t, 4)
	l := r.await(t, reason)
	if l["target"] != "tenants/"+r.ns+"/other" || l["action"] != "none" {
		t.Errorf("unexpected line %v", l)
	}
	r.stay(t, 2, reason)
	if got := replicas(t, r.ns, "apps/v1/deployments", "other"); got != 3 {
		t.Errorf("%d replicas, want 3", got)
	}
	m.loads.say(r.name, series(workloadName, 500), series("other", 30))
	await(t, func() string {
		if got := replicas(t, r.ns, "apps/v1/deployments", "other"); got != 1 {
			return fmt.Sprintf("%d replicas of the other, want 1", got)
		}
		return ""
	})
}
