package scaler

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// What can be the matter with the API server, and what others do to the
// workload.
var kubernetesRows = []row{
	{"api-server-slow", "load_high", slowAPIServer},
	{"api-server-hangs", "workload_unreadable", refusing("timeout", hang)},
	{"api-server-connection-cut", "workload_unreadable", refusing("connection", cut)},
	{"api-server-500", "workload_unreadable", refusing("server", status(http.StatusInternalServerError, "InternalError"))},
	{"api-server-throttles", "workload_unreadable", refusing("throttled", throttle)},
	{"api-server-throttles-writes", "write_failed", throttlesWrites},
	{"api-server-unauthorized", "workload_unreadable", refusing("forbidden", status(http.StatusUnauthorized, "Unauthorized"))},
	{"api-server-forbids-writes", "write_failed", refusing("forbidden", only(writes, status(http.StatusForbidden, "Forbidden")))},
	{"api-server-is-a-login-page", "workload_unreadable", refusing("connection", answer(http.StatusOK, "text/html", "<html>Sign in</html>"))},
	{"api-server-answer-lost", "write_failed", answerLost},
	{"changed-in-between", "write_failed", changedInBetween},
	{"admission-refuses", "write_failed", admissionRefuses},
	{"workload-gone", "workload_unreadable", workloadGone},
	{"workload-recreated", "workload_unreadable", workloadRecreated},
	{"scaled-by-hand", "within_bounds", scaledByHand},
	{"switched-off-and-on", "switched_off", switchedOffAndOn},
	{"rolling-update-with-surge", "within_bounds", rollingUpdate},
}

// refusing is a row in which the API server, or something in its place, does
// not do what it is asked to, just when a step is due.
func refusing(cause string, f fault) func(*testing.T, *matrix, string) {
	return func(t *testing.T, m *matrix, reason string) {
		r := m.newRig(t, 3, steady)
		r.start(t)
		r.cannotScale(t, reason, cause, func() { r.kube.begin(f) }, r.kube.end)
	}
}

// throttle is what the API server's priority and fairness answers.
var throttle = status(http.StatusTooManyRequests, "TooManyRequests", "Retry-After", "1")

// A write that is throttled is not repeated: one attempt per decision.
func throttlesWrites(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	r.start(t)
	var patches atomic.Int64
	refuse := func(w http.ResponseWriter, q *http.Request, next http.Handler) {
		patches.Add(1)
		throttle(w, q, next)
	}
	r.cannotScale(t, reason, "throttled", func() { r.kube.begin(only(writes, refuse)) }, func() {
		r.kube.end()
		await(t, func() string { // the line of the last attempt may be to come
			if made, logged := int(patches.Load()), count(r.scaler.decisions(t), reason); made != logged {
				return fmt.Sprintf("%d attempts to write in %d decisions", made, logged)
			}
			return ""
		})
	})
}

// cannotScale is holds for what is the matter with the API server: it is
// noticed at the latest when there is something to write.
func (r *rig) cannotScale(t *testing.T, reason, cause string, begin, end func()) {
	t.Helper()
	before, generation := len(r.scaler.decisions(t)), r.generation(t)
	begin()
	r.load(500)
	await(t, func() string {
		if got := count(r.scaler.decisions(t)[before:], reason); got < 2 {
			return fmt.Sprintf("not two decisions with reason %s", reason)
		}
		return ""
	})
	for _, l := range r.scaler.decisions(t)[before:] {
		if l["action"] != "none" || l["reason"] == reason && l["cause"] != cause {
			t.Errorf("unexpected line %v", l)
		}
	}
	if got := r.generation(t); got != generation {
		t.Errorf("the Deployment was written %d times", got-generation)
	}
	text := r.metrics(t, holding(reason))
	operation := map[string]string{"workload_unreadable": "read", "write_failed": "write"}[reason]
	if strings.Contains(text, failures(operation, cause)+"0\n") {
		t.Errorf("%s is 0", failures(operation, cause))
	}
	end()
	r.awaitReplicas(t, 4)
	r.wantSteps(t, "3-4")
}

func slowAPIServer(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 1, 30)
	r.start(t)
	r.kube.begin(slow(time.Second))
	r.load(120)
	r.awaitReplicas(t, 3)
	r.stay(t, 2, "within_bounds")
	r.wantSteps(t, "1-2 2-3")
	r.metrics(t, `camunda_scaler_api_request_duration_seconds_bucket{operation="write",le="1"} 0`)
	for _, l := range r.scaler.decisions(t) {
		if l["action"] == "up" && l["reason"] != reason {
			t.Errorf("unexpected line %v", l)
		}
	}
}

// A write whose answer gets lost has happened. It is not done again: the next
// sample is decided on with the replicas that there are then.
func answerLost(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 1, 30)
	r.start(t)
	generation := r.generation(t)
	r.kube.begin(only(writes, lost))
	r.load(120)
	if l := r.await(t, reason); l["cause"] != "connection" || l["action"] != "none" {
		t.Errorf("unexpected line %v", l)
	}
	r.awaitReplicas(t, 3)
	r.stay(t, 3, "within_bounds")
	if writes := r.generation(t) - generation; writes != 2 {
		t.Errorf("%d writes, want 2", writes)
	}
	if text := r.metrics(t); strings.Contains(text, failures("write", "connection")+"0\n") {
		t.Errorf("no lost answer was counted:\n%s", text)
	}
	r.kube.end()
	r.load(500)
	r.awaitReplicas(t, 4)
	r.wantSteps(t, "3-4")
}

// Somebody else changes the workload between the scaler's read and its write,
// each time. The API server's own conflict keeps the scaler from writing on a
// wrong footing.
func changedInBetween(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	r.start(t)
	n := 0
	change := func(w http.ResponseWriter, q *http.Request, next http.Handler) {
		n++
		label := object{"metadata": object{"labels": object{"n": fmt.Sprint(n)}}}
		if err := cluster.Request(q.Context(), http.MethodPatch, r.path(), label, nil); err != nil {
			panic(err)
		}
		next.ServeHTTP(w, q)
	}
	r.cannotScale(t, reason, "conflict", func() { r.kube.begin(only(writes, change)) }, r.kube.end)
}

// A policy of the cluster allows three replicas.
func admissionRefuses(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	r.start(t)
	const api = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
	meta := object{"name": "three-in-" + r.ns}
	begin := func() {
		create(t, api+"ies", object{
			"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": meta,
			"spec": object{
				"matchConstraints": object{
					"namespaceSelector": object{"matchLabels": object{"kubernetes.io/metadata.name": r.ns}},
					"resourceRules":     []object{{"apiGroups": []string{"apps"}, "apiVersions": []string{"*"}, "operations": []string{"UPDATE"}, "resources": []string{"deployments/scale"}}},
				},
				"validations": []object{{"expression": "object.spec.replicas <= 3", "message": "three are enough"}},
			},
		})
		create(t, api+"ybindings", object{
			"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": meta,
			"spec": object{"policyName": meta["name"], "validationActions": []string{"Deny"}},
		})
		await(t, func() string { // it takes a moment to be in force
			err := cluster.Request(t.Context(), http.MethodPatch, r.path()+"/scale?dryRun=All", object{"spec": object{"replicas": 4}}, nil)
			if err == nil || !strings.Contains(err.Error(), "three are enough") {
				return fmt.Sprintf("it is not refused: %v", err)
			}
			return ""
		})
	}
	end := func() {
		if err := cluster.Request(t.Context(), http.MethodDelete, api+"ybindings/three-in-"+r.ns, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	r.cannotScale(t, reason, "rejected", begin, end)
}

func (r *rig) delete(t *testing.T) {
	t.Helper()
	if err := cluster.Request(t.Context(), http.MethodDelete, r.path(), nil, nil); err != nil {
		t.Fatal(err)
	}
}

func workloadGone(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	r.start(t)
	r.delete(t)
	if l := r.await(t, reason); l["cause"] != "not_found" || l["action"] != "none" || l["from"] != "null" {
		t.Errorf("unexpected line %v", l)
	}
	r.metrics(t, holding(reason))
	createWorkload(t, r.ns, "Deployment", workloadName, 3)
	r.load(500)
	r.awaitReplicas(t, 4)
	r.wantSteps(t, "3-4")
}

// A new workload of the same name starts with its own replicas, and nothing
// that is remembered of the old one is done to it.
func workloadRecreated(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	r.start(t)
	r.delete(t)
	r.await(t, reason)
	r.load(30)
	m.awaitAnswer(t, r.query()+" == 30")
	createWorkload(t, r.ns, "Deployment", workloadName, 1)
	r.await(t, "within_bounds")
	r.stay(t, 2, "within_bounds")
	r.load(60)
	r.awaitReplicas(t, 2)
	r.wantSteps(t, "1-2")
}

// What somebody sets by hand is where the rule goes on from: it is not undone
// as long as the rule allows it.
func scaledByHand(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	r.start(t)
	r.scaleByHand(t, 4) // 30 for each
	r.stay(t, 3, reason)
	r.scaleByHand(t, 7)   // more than max_replicas, and 17 for each
	r.awaitReplicas(t, 5) // 24 for each
	r.stay(t, 2, reason)
	r.wantSteps(t, "7-6 6-5")
}

func switchedOffAndOn(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	r.start(t)
	r.scaleByHand(t, 0)
	r.load(500)
	r.stay(t, 3, reason)
	r.metrics(t, holding(reason))
	r.scaleByHand(t, 3)
	r.awaitReplicas(t, 4)
	r.wantSteps(t, "3-4")
}

// While a roll-out has four Pods of three, the load is divided by three.
func rollingUpdate(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, 63) // 21 for each of three, 16 for each of four
	r.start(t)
	r.patch(t, "", object{"spec": object{"template": object{"spec": object{"containers": []object{{"name": "main", "image": "other"}}}}}})
	await(t, func() string {
		var d struct{ Status struct{ Replicas int } }
		if err := cluster.Request(t.Context(), http.MethodGet, r.path(), nil, &d); err != nil || d.Status.Replicas != 4 {
			return fmt.Sprintf("status.replicas is %d, want 4: %v", d.Status.Replicas, err)
		}
		return ""
	})
	r.stay(t, 3, reason)
	r.load(500)
	r.awaitReplicas(t, 4)
	r.wantSteps(t, "3-4")
}
