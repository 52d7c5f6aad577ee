package dashboards

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/alertmanager"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/stack"
)

// alertsAreQuiet: each rule can be evaluated, and no alert fires.
func alertsAreQuiet(t *testing.T, prom v1.API) {
	rules, err := prom.Rules(t.Context(), nil)
	check(t, err)
	count := 0
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if r, ok := r.(v1.RecordingRule); ok && r.Health != v1.RuleHealthGood {
				t.Errorf("%s is %s: %s", r.Name, r.Health, r.LastError)
			}
			r, ok := r.(v1.AlertingRule)
			if !ok {
				continue
			}
			count++
			// What is missing while everything starts is most of a short life.
			pending := r.Name == "CamundaScalerSampleGaps" && r.State == string(v1.AlertStatePending)
			if r.Health != v1.RuleHealthGood || r.State != string(v1.AlertStateInactive) && !pending {
				t.Errorf("%s is %s, %s: %s %v", r.Name, r.Health, r.State, r.LastError, r.Alerts)
			}
		}
	}
	if count < 10 {
		t.Errorf("found %d alerts: the test covers too little", count)
	}
}

// faster is how much less time alerts take here than in production: a minute
// is three seconds. Not less, because the scaler still decides every ten
// seconds.
const faster = 20

var duration = regexp.MustCompile(`\b(\d+)([smh])\b`)

// shortened is a rules file, with every duration in it divided by faster.
// Nothing else is changed.
func shortened(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	check(t, err)
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Record, For  string `yaml:",omitempty"`
				Expr                string
				Labels, Annotations map[string]string `yaml:",omitempty"`
			}
		}
	}
	check(t, yaml.Unmarshal(text, &file))
	scale := func(text string) string {
		return duration.ReplaceAllStringFunc(text, func(d string) string {
			parsed, err := model.ParseDuration(d)
			check(t, err)
			return strconv.FormatInt(time.Duration(parsed).Milliseconds()/faster, 10) + "ms"
		})
	}
	for _, g := range file.Groups {
		for i, r := range g.Rules {
			g.Rules[i].Expr, g.Rules[i].For = scale(r.Expr), scale(r.For)
		}
	}
	text, err = yaml.Marshal(file)
	check(t, err)
	path = filepath.Join(t.TempDir(), "rules.yml")
	check(t, os.WriteFile(path, text, 0o644))
	return path
}

// The engine stops answering: Alertmanager, with the routes of docs/alerts.md,
// pages for the engine and for the target that gets no sample, in one
// notification, does not notify of what follows from it, and notifies when it
// is over.
func alertmanagerDelivers(t *testing.T, s *stack.Stack) {
	ctx := t.Context()
	var received receivers
	webhooks := httptest.NewServer(&received)
	t.Cleanup(webhooks.Close)
	manager, err := alertmanager.Start(ctx, t.TempDir(), routesOfTheDocs(t, webhooks.URL))
	check(t, err)
	t.Cleanup(manager.Kill)
	server, err := prometheus.Start(ctx, t.TempDir(), prometheus.Config{YAML: Scrape{
		Interval: time.Minute / faster, Rules: shortened(t, rules), Alertmanager: manager.URL,
	}.Configuration(s)})
	check(t, err)
	t.Cleanup(server.Kill)
	prom, err := API(server.URL)
	check(t, err)
	await(t, 30*time.Second, "a scrape of the exporter, and all rules evaluated", func() bool {
		up, _, _, err := prom.Query(ctx, `camunda_up == 1`, time.Now())
		return err == nil && up.String() != ""
	})

	s.Engine.Pause()
	t.Cleanup(s.Engine.Resume)
	const cause, consequence, follows = "CamundaEngineUnreachable", "CamundaScalerNoFreshSample", "CamundaScalerSampleGaps"
	labels := map[string]map[string]string{
		cause: {"severity": "critical", "job": "camunda-exporter", "namespace": "default"},
		consequence: {
			"severity": "critical", "job": "camunda-scaler", "namespace": "default", "target": "camunda-deployment",
			"workload_namespace": "default", "workload_kind": "Deployment", "workload_name": "camunda-deployment",
		},
	}
	for _, receiver := range []string{"pagerduty", "slack"} {
		await(t, 2*time.Minute, cause+" and "+consequence+" in one notification of "+receiver, func() bool { return received.together(receiver, cause, consequence) })
		for name, want := range labels {
			got := received.get(receiver, name, "firing")
			if got == nil {
				t.Errorf("%s was not notified of %s", receiver, name)
				continue
			}
			for label, value := range want {
				if got.Labels[label] != value {
					t.Errorf("%s: label %s is %q, want %q", name, label, got.Labels[label], value)
				}
			}
			if got.Annotations["summary"] == "" || got.Annotations["description"] == "" {
				t.Errorf("%s: want a summary and a description: %v", name, got.Annotations)
			}
			page, ok := strings.CutPrefix(got.Annotations["runbook_url"], "https://github.com/camunda-autoscaler/camunda-autoscaler/blob/main/")
			if _, err := os.Stat(filepath.Join("../..", page)); err != nil || !ok {
				t.Errorf("%s: runbook_url is %q (%v)", name, got.Annotations["runbook_url"], err)
			}
		}
	}

	await(t, 3*time.Minute, follows+" is firing", func() bool {
		alerts, err := prom.Alerts(ctx)
		check(t, err)
		for _, a := range alerts.Alerts {
			if a.Labels[model.AlertNameLabel] == follows && a.State == v1.AlertStateFiring {
				return true
			}
		}
		return false
	})
	await(t, time.Minute, follows+" is inhibited", func() bool { return inhibited(t, manager.URL, follows) })

	s.Engine.Resume()
	for _, receiver := range []string{"pagerduty", "slack"} {
		await(t, time.Minute, receiver+" is notified that it is over", func() bool { return received.get(receiver, cause, "resolved") != nil })
		if received.get(receiver, follows, "firing") != nil {
			t.Errorf("%s was notified of %s while it was inhibited", receiver, follows)
		}
	}
}

var configuration = regexp.MustCompile("(?s)```yaml\n(route:.*?)```")

// routesOfTheDocs is the configuration in docs/alerts.md with a webhook for each
// receiver, and with short waits for more alerts to group.
func routesOfTheDocs(t *testing.T, webhook string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/alerts.md")
	check(t, err)
	block := configuration.FindSubmatch(text)
	if block == nil {
		t.Fatal("docs/alerts.md has no configuration of Alertmanager")
	}
	var config map[string]any
	check(t, yaml.Unmarshal(block[1], &config))
	route := config["route"].(map[string]any)
	route["group_wait"], route["group_interval"] = "100ms", "1s"
	var receivers []map[string]any
	for _, r := range config["receivers"].([]any) {
		name := r.(map[string]any)["name"].(string)
		receivers = append(receivers, map[string]any{
			"name":            name,
			"webhook_configs": []map[string]any{{"url": webhook + "/" + name}},
		})
	}
	config["receivers"] = receivers
	text, err = yaml.Marshal(config)
	check(t, err)
	return string(text)
}

// alert is one as Alertmanager posts it.
type alert struct {
	Status              string
	Labels, Annotations map[string]string
}

// receivers keeps the notifications that are posted to it, by the path.
type receivers struct {
	mutex sync.Mutex
	posts map[string][][]alert
}

func (r *receivers) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	var message struct{ Alerts []alert }
	if err := json.NewDecoder(request.Body).Decode(&message); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.posts == nil {
		r.posts = map[string][][]alert{}
	}
	r.posts[request.URL.Path] = append(r.posts[request.URL.Path], message.Alerts)
}

func (r *receivers) get(receiver, name, status string) *alert {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, notification := range r.posts["/"+receiver] {
		for _, a := range notification {
			if a.Labels["alertname"] == name && a.Status == status {
				return &a
			}
		}
	}
	return nil
}

// together reports whether one notification has all these alerts, firing.
func (r *receivers) together(receiver string, names ...string) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, notification := range r.posts["/"+receiver] {
		firing := map[string]bool{}
		for _, a := range notification {
			firing[a.Labels["alertname"]] = firing[a.Labels["alertname"]] || a.Status == "firing"
		}
		all := true
		for _, name := range names {
			all = all && firing[name]
		}
		if all {
			return true
		}
	}
	return false
}

// inhibited reports whether Alertmanager inhibits an alert.
func inhibited(t *testing.T, url, name string) bool {
	t.Helper()
	response, err := http.Get(fmt.Sprintf("%s/api/v2/alerts?filter=alertname=%s", url, name))
	check(t, err)
	defer response.Body.Close()
	var alerts []struct {
		Status struct{ InhibitedBy []string }
	}
	check(t, json.NewDecoder(response.Body).Decode(&alerts))
	return len(alerts) > 0 && len(alerts[0].Status.InhibitedBy) > 0
}
