// Package starter tests the process starter against real engines.
package starter

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/engine"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// The starter's numbers are the engine's: all that was requested is started,
// failed or skipped, and the engine has what it reports as started, give or take
// those whose answer was lost. All instances end by themselves, and a second
// starter deploys nothing. How many a second an engine takes depends on the
// machine, so that is not tested here.
func TestSaysWhatItGot(t *testing.T) {
	products, err := build.Project(t.Context(), t.TempDir(), true)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []engine.Distribution{engine.Tomcat714, engine.Camunda724, engine.Operaton} {
		t.Run(d.String(), func(t *testing.T) {
			e, err := engine.Start(t.Context(), t.TempDir(), engine.Spec{Distribution: d})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Stop()

			first := start(t, products.Starter, e, "N_PROCESS_STARTED=500", "QUIET_TIME_S=10")
			await(t, "500 starts", func() bool { return first.metric(t, "camunda_starter_started_total") >= 500 })
			first.setRate(t, "0")
			var requested, started, failed, skipped float64
			await(t, "no start under way", func() bool {
				requested, started = first.metric(t, "camunda_starter_requested_total"), first.metric(t, "camunda_starter_started_total")
				failed, skipped = first.metric(t, "camunda_starter_failed_total"), first.metric(t, "camunda_starter_skipped_total")
				return requested == started+failed+skipped
			})
			t.Logf("%v requested, %v started, %v failed, %v skipped", requested, started, failed, skipped)
			if n := count(t, e, "/history/process-instance/count"); n < started || n > started+failed {
				t.Errorf("the engine's history has %v instances, the starter says that %v were started and %v failed", n, started, failed)
			}
			await(t, "all instances to end", func() bool { return count(t, e, "/history/process-instance/count?unfinished=true") == 0 })

			first.process.Stop(10 * time.Second)
			second := start(t, products.Starter, e, "N_PROCESS_STARTED=10", "QUIET_TIME_S=1")
			await(t, "starts after a restart", func() bool { return second.metric(t, "camunda_starter_started_total") >= 5 })
			if n := count(t, e, "/process-definition/count"); n != 1 {
				t.Errorf("%v process definitions after a restart, want 1", n)
			}
		})
	}
}

type starter struct {
	url     string
	process *process.Process
}

func start(t *testing.T, program string, e *engine.Engine, env ...string) starter {
	t.Helper()
	var s starter
	err := ports.Retry(1, func(free []int) (err error) {
		address := ports.Address(free[0])
		s.url = "http://" + address
		s.process, err = process.Start(t.Context(), process.Spec{
			Name: "camunda-process-starter", Path: program, Log: filepath.Join(t.TempDir(), "starter.log"),
			Args: []string{"--web.listen-address=" + address}, Env: append(env, "CAMUNDA_HOST="+e.URL),
		})
		if err != nil {
			return err
		}
		return s.process.Await(t.Context(), "the starter", func(ctx context.Context) error {
			resp, err := request(ctx, http.MethodGet, s.url+"/-/healthy", "")
			if err == nil {
				resp.Body.Close()
			}
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.process.Stop(10 * time.Second) })
	return s
}

// metric adds up a counter's series.
func (s starter) metric(t *testing.T, name string) float64 {
	t.Helper()
	resp, err := request(t.Context(), http.MethodGet, s.url+"/metrics", "")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	family, ok := families[name]
	if !ok {
		t.Fatalf("no metric %s", name)
	}
	sum := 0.0
	for _, m := range family.GetMetric() {
		sum += m.GetCounter().GetValue()
	}
	return sum
}

func (s starter) setRate(t *testing.T, rate string) {
	t.Helper()
	resp, err := request(t.Context(), http.MethodPut, s.url+"/rate", rate)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

func count(t *testing.T, e *engine.Engine, path string) float64 {
	t.Helper()
	resp, err := request(t.Context(), http.MethodGet, e.URL+path, "")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ Count float64 }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer.Count
}

func request(ctx context.Context, method, url, body string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("%s %s: %s", method, url, resp.Status)
	}
	return resp, nil
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("waited two minutes for %s", what)
}
