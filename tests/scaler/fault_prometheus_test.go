package scaler

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What can be the matter with Prometheus, and with what it scrapes.
var prometheusRows = []row{
	{"prometheus-5xx", "query_failed", proxied("server", answer(http.StatusServiceUnavailable, "text/plain", "no healthy upstream"))},
	{"prometheus-query-timeout", "query_failed", proxied("server", answer(http.StatusServiceUnavailable, "application/json", `{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}`))},
	{"prometheus-throttles", "query_failed", proxied("server", answer(http.StatusTooManyRequests, "text/plain", "slow down", "Retry-After", "1"))},
	{"prometheus-unauthorized", "query_failed", proxied("server", answer(http.StatusUnauthorized, "text/plain", "who are you"))},
	{"prometheus-forbidden", "query_failed", proxied("server", answer(http.StatusForbidden, "text/plain", "not for you"))},
	{"prometheus-redirects", "query_failed", proxied("server", answer(http.StatusTemporaryRedirect, "text/plain", "", "Location", "http://127.0.0.1:1/"))},
	{"prometheus-not-found", "query_failed", proxied("server", answer(http.StatusNotFound, "text/plain", "404 page not found"))},
	{"prometheus-is-a-login-page", "query_failed", proxied("server", answer(http.StatusOK, "text/html", "<html>Sign in</html>"))},
	{"prometheus-wrong-json", "query_failed", proxied("result", answer(http.StatusOK, "application/json", `{"status":"success","data":{"resultType":"vector","result":[{"metric":{}}]}}`))},
	{"prometheus-half-an-answer", "query_failed", proxied("connection", half)},
	// Where the machine is busy, 16 MiB may take longer than a query may.
	{"prometheus-huge-answer", "query_failed", proxied("result|timeout", answer(http.StatusOK, "application/json", strings.Repeat(" ", 17<<20)))},
	{"prometheus-connection-cut", "query_failed", proxied("connection", cut)},
	{"prometheus-hangs", "query_failed", proxied("timeout", hang)},
	{"prometheus-slow", "load_high", slowPrometheus},
	{"prometheus-clock-ahead", "load_high", clockOff(time.Hour)},
	{"prometheus-clock-behind", "load_high", clockOff(-time.Hour)},
	{"prometheus-killed", "query_failed", killedPrometheus},
	{"prometheus-restarted-with-a-hole", "stale", restartedWithAHole},
	{"prometheus-restarted-empty", "no_data", restartedEmpty},
	{"prometheus-name-does-not-resolve", "query_failed", noSuchHost},
	{"empty", "no_data", said("")},
	{"nan", "not_a_number", said("QUERY NaN")},
	{"plus-inf", "not_a_number", said("QUERY +Inf")},
	{"minus-inf", "not_a_number", said("QUERY -Inf")},
	{"several-series", "many_series", said("SELECTOR,pod=\"a\"} 0", "SELECTOR,pod=\"b\"} 0")},
	{"sample-from-the-future", "sample_from_future", fromTheFuture},
	{"exporter-gone", "no_data", exporterGone},
}

// proxied is a row in which something else than Prometheus answers.
func proxied(cause string, f fault) func(*testing.T, *matrix, string) {
	return func(t *testing.T, m *matrix, reason string) {
		r := m.newRig(t, 3, steady)
		r.start(t)
		r.holds(t, reason, cause, func() { r.prometheus.begin(f) }, r.prometheus.end)
	}
}

// said is a row in which Prometheus scrapes that. In it QUERY is the row's
// series, and SELECTOR its beginning.
func said(series ...string) func(*testing.T, *matrix, string) {
	return func(t *testing.T, m *matrix, reason string) {
		r := m.newRig(t, 3, steady)
		r.start(t)
		with := strings.NewReplacer("QUERY", r.query(), "SELECTOR", strings.TrimSuffix(r.query(), "}"))
		for i, s := range series {
			series[i] = with.Replace(s)
		}
		r.holds(t, reason, "", func() { m.loads.say(r.name, series...) }, func() {})
	}
}

// Slow answers are right answers: later, but no step is left out or doubled.
func slowPrometheus(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 1, 30)
	r.start(t)
	r.prometheus.begin(slow(1500 * time.Millisecond))
	r.load(120)
	r.awaitReplicas(t, 3)
	r.stay(t, 2, "within_bounds")
	r.wantSteps(t, "1-2 2-3")
	r.metrics(t, `camunda_scaler_query_duration_seconds_bucket{le="1"} `, `camunda_scaler_loop_lag_seconds_bucket{le="1"} `)
	for _, l := range r.scaler.decisions(t) {
		if l["action"] == "up" && l["reason"] != reason {
			t.Errorf("unexpected line %v", l)
		}
	}
}

// Ages are differences on Prometheus's own clock, so it may be wrong, and be
// set while the scaler looks.
func clockOff(by time.Duration) func(*testing.T, *matrix, string) {
	return func(t *testing.T, m *matrix, reason string) {
		r := m.newRig(t, 3, steady)
		r.start(t)
		r.prometheus.begin(clock(by))
		r.stay(t, 3, "within_bounds") // an hour's difference is no old sample
		r.load(500)
		r.awaitReplicas(t, 4)
		r.prometheus.end() // it is set right again
		r.stay(t, 3, "load_high_at_max")
		r.load(120)
		r.stay(t, 2, "within_bounds")
		r.wantSteps(t, "3-4")
		for _, l := range r.scaler.decisions(t) {
			if age, err := time.ParseDuration(l["sample_age"]); l["action"] == "up" && (err != nil || age < 0 || age > 10*time.Second || l["reason"] != reason) {
				t.Errorf("unexpected line %v", l)
			}
		}
	}
}

// clock makes Prometheus's clock be off: all times that it answers with are
// moved.
func clock(by time.Duration) fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		r.Header.Del("Accept-Encoding")
		told := httptest.NewRecorder()
		next.ServeHTTP(told, r)
		var answer struct {
			Status string `json:"status"`
			Data   struct {
				ResultType string `json:"resultType"`
				Result     []struct {
					Metric map[string]string `json:"metric"`
					Value  [2]any            `json:"value"`
				} `json:"result"`
			} `json:"data"`
		}
		if err := json.Unmarshal(told.Body.Bytes(), &answer); err != nil {
			panic(err)
		}
		for i, series := range answer.Data.Result {
			at, ok := series.Value[0].(float64)
			if !ok {
				panic("an answer without a time")
			}
			answer.Data.Result[i].Value[0] = at + by.Seconds()
			if series.Metric["__camunda_scaler__"] == "time" {
				sampled, err := strconv.ParseFloat(series.Value[1].(string), 64)
				if err != nil {
					panic(err)
				}
				answer.Data.Result[i].Value[1] = strconv.FormatFloat(sampled+by.Seconds(), 'f', 3, 64)
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(told.Code)
		_ = json.NewEncoder(w).Encode(answer)
	}
}

func killedPrometheus(t *testing.T, _ *matrix, reason string) {
	m := ownPrometheus(t)
	r := m.newRig(t, 3, steady)
	r.start(t)
	r.holds(t, reason, "connection", m.prometheus.Kill, func() { m.restart(t) })
}

// A Prometheus that was away and cannot scrape yet still answers, with what it
// knew before. What it knew would be a step, but is old.
func restartedWithAHole(t *testing.T, _ *matrix, reason string) {
	m := ownPrometheus(t)
	r := m.newRig(t, 3, steady)
	before := newFaulty(t, m.prometheus.URL, http.DefaultTransport)
	r.url = before.URL
	r.start(t, "--max-sample-age=3s")
	r.holds(t, reason, "", func() {
		before.begin(cut)
		r.load(0)
		m.awaitAnswer(t, r.query()+" == 0")
		m.prometheus.Stop()
		m.loads.Close() // the hole goes on
		m.restart(t)
		m.awaitAnswer(t, "time() - timestamp("+r.query()+") > 3")
		before.end()
	}, func() { m.loads.open(t) })
}

func restartedEmpty(t *testing.T, _ *matrix, reason string) {
	m := ownPrometheus(t)
	r := m.newRig(t, 3, steady)
	r.start(t)
	r.holds(t, reason, "", func() {
		m.prometheus.Kill()
		m.loads.say(r.name)
		if err := os.RemoveAll(filepath.Join(m.dir, "data")); err != nil {
			t.Fatal(err)
		}
		m.restart(t)
	}, func() {})
}

// noSuchHost ends by a reload: only then has it another name to look up. The
// name is too long for any DNS server to be asked.
func noSuchHost(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	const file = `{prometheus: {url: PROMETHEUS}, interval: 1s, targets: [{name: camunda-deployment, query: QUERY, workload: {namespace: NAMESPACE}}]}`
	path := r.startWithFile(t, file)
	reload := func(file string) {
		write(t, path, r.fill(file))
		if status, text := reload(t, r.scaler); status != http.StatusOK {
			t.Fatal(text)
		}
	}
	r.holds(t, reason, "connection",
		func() { reload(strings.Replace(file, "PROMETHEUS", "'http://"+strings.Repeat("x", 64)+":9090'", 1)) },
		func() { reload(file) })
}

// reload asks for a reload.
func reload(t *testing.T, s *scalerProcess) (status int, text string) {
	t.Helper()
	resp, err := http.PostForm("http://"+s.address+"/-/reload", url.Values{})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// Whoever says the time of its sample itself may have a clock that is ahead.
func fromTheFuture(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	ahead := fmt.Sprintf("ahead_seconds{row=%q}", r.name)
	say := func(load int, seconds int) {
		m.loads.say(r.name, fmt.Sprint(r.query(), " ", load), fmt.Sprint(ahead, " ", seconds))
	}
	say(steady, 0)
	r.start(t, "--timestamp-query=timestamp("+r.query()+") + on(row) "+ahead)
	r.awaitHolds(t, reason, "", func() { say(0, 3600) })
	say(500, 0)
	r.awaitReplicas(t, 4)
	r.wantSteps(t, "3-4")
}

func exporterGone(t *testing.T, _ *matrix, reason string) {
	m := ownPrometheus(t)
	r := m.newRig(t, 3, steady)
	r.start(t)
	r.holds(t, reason, "", m.loads.Close, func() { m.loads.open(t) })
}
