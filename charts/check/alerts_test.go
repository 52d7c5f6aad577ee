package check

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

type rules struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Alert, Record       string
			Expr, For           string
			Labels, Annotations map[string]string
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	top, err := root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(top, path))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func readRules(t *testing.T) rules {
	t.Helper()
	var r rules
	if err := yaml.Unmarshal(read(t, "alerts/camunda-autoscaler.yml"), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAlerts(t *testing.T) {
	needs(t, promtool, "check", "rules", "alerts/camunda-autoscaler.yml")
	needs(t, promtool, "test", "rules", "alerts/camunda-autoscaler_test.yml")
}

// Every alert has what a person needs who is paged by it, and a test of its
// texts.
func TestAlertsAreComplete(t *testing.T) {
	var tests struct {
		Tests []struct {
			AlertRuleTest []struct {
				Alertname string
				ExpAlerts []any `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	if err := yaml.Unmarshal(read(t, "alerts/camunda-autoscaler_test.yml"), &tests); err != nil {
		t.Fatal(err)
	}
	fires := map[string]bool{}
	for _, group := range tests.Tests {
		for _, c := range group.AlertRuleTest {
			fires[c.Alertname] = fires[c.Alertname] || len(c.ExpAlerts) > 0
		}
	}
	alerts := 0
	for _, group := range readRules(t).Groups {
		for _, rule := range group.Rules {
			if rule.Alert == "" {
				continue
			}
			alerts++
			t.Run(rule.Alert, func(t *testing.T) {
				if !fires[rule.Alert] {
					t.Error("no test in alerts/camunda-autoscaler_test.yml")
				}
				if s := rule.Labels["severity"]; !slices.Contains([]string{"critical", "warning", "info"}, s) {
					t.Errorf("severity %q", s)
				}
				for _, text := range []string{rule.For, rule.Annotations["summary"], rule.Annotations["description"], rule.Annotations["variables"]} {
					if text == "" {
						t.Error("for, summary, description or variables is missing")
					}
				}
				if strings.Contains(rule.Annotations["summary"], "{{") {
					t.Error("the summary is not constant")
				}
				page := "docs/runbooks/" + rule.Alert + ".md"
				if !strings.HasSuffix(rule.Annotations["runbook_url"], "/"+page) {
					t.Errorf("runbook_url is %s, want %s", rule.Annotations["runbook_url"], page)
				}
				read(t, page)
				if strings.Contains(rule.Expr, "target") {
					for _, label := range []string{"target", "workload_namespace", "workload_kind", "workload_name"} {
						if !strings.Contains(rule.Annotations["description"], "{{ $labels."+label+" }}") {
							t.Errorf("the description lacks the %s", label)
						}
					}
				}
			})
		}
	}
	if alerts == 0 {
		t.Error("no alerts: the test covers nothing")
	}
}

// The rules of the chart are those of the file, for one release.
func TestRenderedAlerts(t *testing.T) {
	text := string(renderedRules(t))
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	needs(t, promtool, "check", "rules", file)
	var r rules
	if err := yaml.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	selector := regexp.MustCompile(`(^|[^a-z_:"])(up|camunda_[a-z_]+)\b(.{0,80})`)
	for _, group := range r.Groups {
		want := `{namespace="bpm",job="one-camunda-autoscaler-` + strings.TrimPrefix(group.Name, "camunda-") + `"`
		for _, rule := range group.Rules {
			found := selector.FindAllStringSubmatch(rule.Expr, -1)
			if len(found) == 0 {
				t.Errorf("%s has no selector: the test covers nothing", rule.Alert)
			}
			for _, m := range found {
				if !strings.HasPrefix(m[3], want) {
					t.Errorf("%s%s: %s%s is not limited to the release", rule.Alert, rule.Record, m[2], m[3])
				}
			}
		}
	}
}

// With dashboardBaseUrl each alert links a dashboard that exists.
func TestAlertsLinkDashboards(t *testing.T) {
	uids := map[string]bool{}
	for _, d := range dashboards(t) {
		uids[d.UID] = true
	}
	var r rules
	if err := yaml.Unmarshal(renderedRules(t, "--set=prometheusRule.dashboardBaseUrl=https://grafana.example.com/"), &r); err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`^https://grafana\.example\.com/d/([a-z-]+)\?var-namespace=\{\{ \$labels\.namespace \| urlquery }}(&var-target=\{\{ \$labels\.target \| urlquery }})?$`)
	for _, group := range r.Groups {
		for _, rule := range group.Rules {
			if rule.Alert == "" {
				continue
			}
			m := link.FindStringSubmatch(rule.Annotations["dashboard_url"])
			if m == nil || !uids[m[1]] {
				t.Errorf("%s: dashboard_url is %q", rule.Alert, rule.Annotations["dashboard_url"])
			} else if (m[2] != "") != strings.Contains(rule.Annotations["description"], "$labels.target") {
				t.Errorf("%s: %s", rule.Alert, m[0])
			}
		}
	}
}

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(route:.*?)```")

// receivers writes the configuration of docs/alerts.md to a file.
func receivers(t *testing.T) (file string, text []byte) {
	t.Helper()
	block := yamlBlock.FindSubmatch(read(t, "docs/alerts.md"))
	if block == nil {
		t.Fatal("docs/alerts.md has no configuration of Alertmanager")
	}
	file = filepath.Join(t.TempDir(), "alertmanager.yml")
	if err := os.WriteFile(file, block[1], 0o644); err != nil {
		t.Fatal(err)
	}
	return file, block[1]
}

// Each alert reaches the receivers that its severity promises.
func TestReceiversInTheDocs(t *testing.T) {
	file, _ := receivers(t)
	needs(t, amtool, "check-config", file)
	want := map[string]string{"critical": "pagerduty,slack", "warning": "slack", "info": "none"}
	for alert, severity := range severities(t) {
		if alert == "" {
			continue
		}
		got := needs(t, amtool, "config", "routes", "test", "--config.file="+file, "alertname="+alert, "severity="+severity)
		if strings.TrimSpace(string(got)) != want[severity] {
			t.Errorf("%s, %s, reaches %s, want %s", alert, severity, got, want[severity])
		}
	}
	if got := needs(t, amtool, "config", "routes", "test", "--config.file="+file, "alertname=Other", "severity=critical"); strings.TrimSpace(string(got)) != "none" {
		t.Errorf("an alert of something else reaches %s", got)
	}
}

// No alert is muted by one of less weight, and none by one about another
// thing.
func TestInhibitionInTheDocs(t *testing.T) {
	_, text := receivers(t)
	var config struct {
		InhibitRules []struct {
			Source []string `yaml:"source_matchers"`
			Target []string `yaml:"target_matchers"`
			Equal  []string
		} `yaml:"inhibit_rules"`
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	if len(config.InhibitRules) == 0 {
		t.Fatal("no inhibition: the test covers nothing")
	}
	matched := func(matchers []string) []string {
		var alerts []string
		for alert := range severities(t) {
			all := alert != ""
			for _, m := range matchers {
				pattern := strings.TrimPrefix(strings.TrimPrefix(m, "alertname="), "~")
				all = all && regexp.MustCompile("^(?:"+strings.Trim(pattern, `"`)+")$").MatchString(alert)
			}
			if all {
				alerts = append(alerts, alert)
			}
		}
		if len(alerts) == 0 {
			t.Fatalf("%v matches no alert", matchers)
		}
		return alerts
	}
	weight := map[string]int{"info": 0, "warning": 1, "critical": 2}
	for _, r := range config.InhibitRules {
		for _, source := range matched(r.Source) {
			for _, target := range matched(r.Target) {
				if weight[severities(t)[source]] <= weight[severities(t)[target]] {
					t.Errorf("%s mutes %s, which weighs as much", source, target)
				}
				for _, label := range []string{"cluster", "namespace", "job", "target"} {
					if !slices.Contains(r.Equal, label) {
						t.Errorf("%s mutes %s of another %s", source, target, label)
					}
				}
			}
		}
	}
}
