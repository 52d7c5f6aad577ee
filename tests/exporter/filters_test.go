package exporter

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/engine"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

// Every option means the same on every engine, in any time zone.
func TestOptions(t *testing.T) {
	everyEngine(t, func(t *testing.T, d engine.Distribution) {
		e := startEngine(t, engine.Spec{Distribution: d, TimeZone: "America/New_York"})
		c := client{engine: e}
		c.deploy(t, "")
		c.deploy(t, "acme")
		url := "--camunda.url=" + e.URL
		wait := "--camunda.window=5m" // so that nothing leaves the window
		const window = `{window="5m"}`
		plain := startExporter(t, url, wait, "--camunda.process-definition-key=short", "--camunda.process-definition-key=nowhere")
		root := startExporter(t, url+"/", wait, "--camunda.root-instances-only")
		tenant := startExporter(t, url, wait, "--camunda.tenant=acme", "--camunda.tenant=other")
		named := startExporter(t, url, wait, "--camunda.engine-name=default")
		wrongName := startExporter(t, url, "--camunda.engine-name=nowhere")
		wrongPath := startExporter(t, strings.Replace(url, "/engine-rest", "/engine", 1))

		c.mustStart(t, "short", "", 3)
		c.mustStart(t, "parent", "", 2) // each with a child
		c.mustStart(t, "waiting", "acme", 4)

		plain.await(t, 30*time.Second, map[string]float64{
			up: 1, readable: 1, total: 11, "camunda_process_instances_recently_started" + window: 11,
			`camunda_process_definition_instances_started_total{process_definition_key="short"}`:                  5,
			`camunda_process_definition_instances_recently_started{process_definition_key="short",window="5m"}`:   5,
			`camunda_process_definition_instances_started_total{process_definition_key="nowhere"}`:                0,
			`camunda_process_definition_instances_recently_started{process_definition_key="nowhere",window="5m"}`: 0,
		})
		root.await(t, 30*time.Second, map[string]float64{up: 1, total: 9, "camunda_process_instances_recently_started" + window: 9})
		tenant.await(t, 30*time.Second, map[string]float64{up: 1, total: 4, "camunda_process_instances_recently_started" + window: 4})
		named.await(t, 30*time.Second, map[string]float64{up: 1, total: 11, "camunda_process_instances_recently_started" + window: 11})
		if skew, ok := plain.scrape(t).value(t, "camunda_clock_skew_seconds"); !ok || skew < -1 || skew > 1.5 {
			t.Errorf("skew of an engine on the same machine is %v (%t)", skew, ok)
		}

		wrongName.scrape(t).want(t, map[string]float64{up: 0, recent: absent, total: 0})
		wrongName.wantLog(t, 1, "level=error", "cannot count started instances", "cause=http_4xx", "No process engine available")
		wrongPath.scrape(t).want(t, map[string]float64{up: 0, recent: absent, total: 0})
		wrongPath.wantLog(t, 1, "level=error", "cannot count started instances", "cause=http_4xx", "/engine-rest?")

		promtool, err := prometheus.Promtool(shared)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range []*exporter{plain, wrongName} {
			check := exec.CommandContext(t.Context(), promtool, "check", "metrics")
			check.Stdin = strings.NewReader(x.scrape(t).text)
			if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("promtool check metrics: %v\n%s", err, out)
			}
		}
		t.Run("dates", func(t *testing.T) { datesAsEnginesReadThem(t, c) })
	})
}

// What the exporter's way of writing dates rests on: other ways are refused
// or, worse, answered with another number.
func datesAsEnginesReadThem(t *testing.T, c client) {
	now := time.Now().UTC()
	c.mustStart(t, "timed", "", 1)
	before, after := now.Add(-time.Minute).Format("2006-01-02T15:04:05"), now.Add(time.Minute).Format("2006-01-02T15:04:05")
	for _, test := range []struct {
		query  string
		status int
		body   string
	}{
		{"startedAfter=" + before + ".000%2B0000&startedBefore=" + after + ".000%2B0000", 200, `{"count":1}`},
		{"startedAfter=" + before + ".000+0000", 400, ""}, // a raw + is a blank
		{"startedAfter=" + before + ".000Z", 400, ""},     // a zone it does not know
		{"startedAfter=" + before + ".000%2B00:00", 400, ""},
		{"startedBefore=" + before + ".999999%2B0000", 200, `{"count":1}`}, // 999,999 ms later
		{"startedBefor=" + before + ".000%2B0000", 200, `{"count":1}`},     // ignored
	} {
		status, body, err := c.ask(t.Context(), http.MethodGet, "/history/process-instance/count?processDefinitionKey=timed&"+test.query, "", nil)
		if err != nil || status != test.status || test.body != "" && string(body) != test.body {
			t.Errorf("%s: %d %s (%v), want %d %s", test.query, status, body, err, test.status, test.body)
		}
	}
}
