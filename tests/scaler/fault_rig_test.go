package scaler

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/app"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

// workloadName is the workload of every row, in its own namespace.
const workloadName = "camunda-deployment"

// steady is a load under which three replicas are right. With half of it they
// would be too many, with twice as much too few: whoever reads it wrongly, or
// divides it by the wrong number, takes a step.
const steady = 120

// loads is what the one Prometheus of all rows scrapes: a series for each row.
type loads struct {
	*scraped
	mu    sync.Mutex
	lines map[string]string // by row
}

func newLoads(t *testing.T) *loads {
	return &loads{scraped: newScraped(t, ""), lines: map[string]string{}}
}

// open ends a Close, at the same address.
func (l *loads) open(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", l.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	again := httptest.NewUnstartedServer(l.Config.Handler)
	again.Listener.Close()
	again.Listener = listener
	again.Start()
	t.Cleanup(again.Close)
}

// say puts the row's series; none if there are none.
func (l *loads) say(row string, series ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines[row] = strings.Join(series, "\n")
	l.set(strings.Join(slices.Collect(maps.Values(l.lines)), "\n"))
}

// matrix is what the rows share.
type matrix struct {
	loads      *loads
	prometheus *prometheus.Server
	dir        string // of an own Prometheus
	own        bool
}

// rig is one row's scaler, and what it is between: a load, a Prometheus and an
// API server, with a proxy before each of the two.
type rig struct {
	name       string // the row's
	ns         string
	loads      *loads
	prometheus *faulty
	url        string // that the scaler asks: the proxy's, or Prometheus's own
	kube       *faulty
	scaler     *scalerProcess
	awaited    int // how many decisions there were up to the last that was awaited
}

// query selects the row's series.
func (r *rig) query() string {
	return fmt.Sprintf("camunda_process_instances_recently_started{row=%q}", r.name)
}

// load sets the load, from the next scrape on.
func (r *rig) load(n any) { r.loads.say(r.name, fmt.Sprint(r.query(), " ", n)) }

// newRig makes a Deployment of so many replicas with that load, which Prometheus
// knows, but starts no scaler yet.
func (m *matrix) newRig(t *testing.T, replicas int, load any) *rig {
	t.Helper()
	c, err := app.KubeConfig(cluster.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(c)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{name: filepath.Base(t.Name()), ns: namespace(t), loads: m.loads, url: m.prometheus.URL}
	if !m.own {
		r.prometheus = newFaulty(t, m.prometheus.URL, http.DefaultTransport)
		r.url = r.prometheus.URL
	}
	r.kube = newFaulty(t, cluster.URL, transport)
	r.load(load)
	createWorkload(t, r.ns, "Deployment", workloadName, replicas)
	m.awaitAnswer(t, r.query()) // that there is none yet is not what a row is about
	return r
}

// kubeconfig leads to the proxy before the API server.
func (r *rig) kubeconfig(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	write(t, path, fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: x,
clusters: [{name: x, cluster: {server: %q}}], users: [{name: x, user: {}}], contexts: [{name: x, context: {cluster: x, user: x}}]}`, r.kube.URL))
	return path
}

// flags is a scaler that decides once a second.
func (r *rig) flags(t *testing.T, more ...string) []string {
	t.Helper()
	return append([]string{
		"--interval=1s", "--target.namespace=" + r.ns, "--query=" + r.query(),
		"--prometheus.url=" + r.url, "--kubeconfig=" + r.kubeconfig(t),
	}, more...)
}

// start starts the scaler, and waits for its first decision.
func (r *rig) start(t *testing.T, more ...string) {
	t.Helper()
	r.scaler = startScaler(t, nil, r.flags(t, more...)...)
	r.await(t, "within_bounds")
}

// startWithFile is start with a configuration file; what is in it of
// PROMETHEUS, NAMESPACE and QUERY is filled in. It returns the file's path.
func (r *rig) startWithFile(t *testing.T, file string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "scaler.yml")
	write(t, path, r.fill(file))
	r.scaler = startScaler(t, nil, "--config.file="+path, "--kubeconfig="+r.kubeconfig(t))
	r.await(t, "within_bounds")
	return path
}

func (r *rig) fill(file string) string {
	return strings.NewReplacer("PROMETHEUS", r.url, "NAMESPACE", r.ns, "QUERY", "'"+r.query()+"'").Replace(file)
}

// await waits for a decision with that reason after the one that was awaited
// last: however late this looks, none is missed.
func (r *rig) await(t *testing.T, reason string) line {
	t.Helper()
	var found line
	await(t, func() string {
		if r.scaler.Err() != nil {
			t.Fatal(r.scaler.Err())
		}
		for i, l := range r.scaler.decisions(t) {
			if i >= r.awaited && l["reason"] == reason {
				found, r.awaited = l, i+1
				return ""
			}
		}
		return fmt.Sprintf("no decision with reason %s after the first %d", reason, r.awaited)
	})
	return found
}

// awaitReplicas waits for the replicas, and for the scaler to find them right.
func (r *rig) awaitReplicas(t *testing.T, want int) {
	t.Helper()
	awaitReplicas(t, r.ns, want)
}

// generation counts the changes of the Deployment's spec. Other than the
// replicas, it shows also a step that was taken back.
func (r *rig) generation(t *testing.T) int {
	t.Helper()
	var d struct{ Metadata struct{ Generation int } }
	if err := cluster.Request(t.Context(), http.MethodGet, r.path(), nil, &d); err != nil {
		t.Fatal(err)
	}
	return d.Metadata.Generation
}

// path is the Deployment's.
func (r *rig) path() string {
	return "/apis/apps/v1/namespaces/" + r.ns + "/deployments/" + workloadName
}

// patch changes the Deployment as somebody else does, with kubectl for example.
func (r *rig) patch(t *testing.T, subresource string, change object) {
	t.Helper()
	if err := cluster.Request(t.Context(), http.MethodPatch, r.path()+subresource, change, nil); err != nil {
		t.Fatal(err)
	}
}

// scaleByHand is kubectl scale.
func (r *rig) scaleByHand(t *testing.T, replicas int) {
	t.Helper()
	r.patch(t, "/scale", object{"spec": object{"replicas": replicas}})
}

// steps are those that were taken, such as 3-4, in the log's order.
func (r *rig) steps(t *testing.T) string {
	t.Helper()
	var steps []string
	for _, l := range r.scaler.decisions(t) {
		if l["action"] != "none" {
			steps = append(steps, l["from"]+"-"+l["to"])
		}
	}
	return strings.Join(steps, " ")
}

// wantSteps waits for the line of the last of the steps, and checks them all.
func (r *rig) wantSteps(t *testing.T, want string) {
	t.Helper()
	await(t, func() string {
		if got := r.steps(t); len(got) < len(want) {
			return fmt.Sprintf("got the steps %s, want %s", got, want)
		}
		return ""
	})
	if got := r.steps(t); got != want {
		t.Errorf("got the steps %s, want %s", got, want)
	}
}

// metrics returns the scaler's when all of these are there.
func (r *rig) metrics(t *testing.T, want ...string) (text string) {
	t.Helper()
	await(t, func() string {
		text = fetch(t, r.scaler, "/metrics", http.StatusOK)
		for _, w := range want {
			if !strings.Contains(text, w) {
				return fmt.Sprintf("no %s in\n%s", w, text)
			}
		}
		return ""
	})
	return text
}

// holding is the metric by which one sees a hold.
func holding(reason string) string {
	return fmt.Sprintf(`camunda_scaler_holding{reason=%q,target=%q} 1`, reason, workloadName)
}

// failures is the counter of failed requests, without its value.
func failures(operation, cause string) string {
	return fmt.Sprintf(`camunda_scaler_errors_total{cause=%q,operation=%q,target=%q} `, cause, operation, workloadName)
}

// holds is the usual row: three replicas with the steady load; the fault; the
// scaler says why it does nothing, twice, and nothing is written; the end
// of the fault; and the next step that is right.
func (r *rig) holds(t *testing.T, reason, cause string, begin, end func()) {
	t.Helper()
	r.awaitHolds(t, reason, cause, begin)
	end()
	r.load(500)
	r.awaitReplicas(t, 4)
	r.wantSteps(t, "3-4")
}

// awaitHolds is the part of holds before the end of the fault.
func (r *rig) awaitHolds(t *testing.T, reason, cause string, begin func()) {
	t.Helper()
	before, generation := len(r.scaler.decisions(t)), r.generation(t)
	begin()
	var all []line
	await(t, func() string {
		if all = r.scaler.decisions(t)[before:]; count(all, reason) < 2 {
			return fmt.Sprintf("not two decisions with reason %s", reason)
		}
		return ""
	})
	for _, l := range all {
		if l["action"] != "none" || l["reason"] == reason && (!slices.Contains(strings.Split(cause, "|"), l["cause"]) || l["per_instance"] != "null") {
			t.Errorf("unexpected line %v", l)
		}
	}
	if got := r.generation(t); got != generation {
		t.Errorf("the Deployment was written %d times", got-generation)
	}
	text := r.metrics(t, holding(reason))
	if met := all[len(all)-1]["cause"]; met != "" && strings.Contains(text, failures("query", met)+"0\n") {
		t.Errorf("%s is 0", failures("query", met))
	}
}

func count(lines []line, reason string) (n int) {
	for _, l := range lines {
		if l["reason"] == reason {
			n++
		}
	}
	return n
}

func write(t *testing.T, path, text string) {
	t.Helper()
	// As Kubernetes does it, at once: nobody reads half a file.
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// stay waits until the scaler has decided so often with this reason, and fails
// if the replicas were written meanwhile.
func (r *rig) stay(t *testing.T, times int, reason string) {
	t.Helper()
	before, generation := len(r.scaler.decisions(t)), r.generation(t)
	await(t, func() string {
		if got := count(r.scaler.decisions(t)[before:], reason); got < times {
			return fmt.Sprintf("%d decisions with reason %s, want %d", got, reason, times)
		}
		return ""
	})
	if got := r.generation(t); got != generation {
		t.Errorf("the Deployment was written %d times", got-generation)
	}
}

// ownPrometheus is a matrix for one row, with a Prometheus that it may kill. The
// scaler asks that one itself, without a proxy.
func ownPrometheus(t *testing.T) *matrix {
	t.Helper()
	own := &matrix{loads: newLoads(t), dir: t.TempDir(), own: true}
	var err error
	if own.prometheus, err = prometheus.Start(t.Context(), own.dir, own.scrapes()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(own.prometheus.Kill)
	return own
}

// scrapes is the Prometheus's configuration.
func (m *matrix) scrapes() prometheus.Config {
	return prometheus.Config{ScrapeInterval: time.Second, Jobs: map[string][]string{"camunda": {strings.TrimPrefix(m.loads.URL, "http://")}}}
}

// restart starts the Prometheus that was killed.
func (m *matrix) restart(t *testing.T) {
	t.Helper()
	if err := m.prometheus.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// awaitAnswer waits until Prometheus itself, not through a proxy, answers a
// query with something.
func (m *matrix) awaitAnswer(t *testing.T, query string) {
	t.Helper()
	await(t, func() string {
		resp, err := http.Get(m.prometheus.URL + "/api/v1/query?" + url.Values{"query": {query}}.Encode())
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || !strings.Contains(string(text), `"value":`) {
			return fmt.Sprintf("%s gives %s, %v", query, text, err)
		}
		return ""
	})
}
