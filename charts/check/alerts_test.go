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
			Alert, Expr, For    string
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

// Every alert has what people need who are woken up by it, and a test that
// fires and one that stays quiet.
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
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, group := range tests.Tests {
		for _, c := range group.AlertRuleTest {
			if len(c.ExpAlerts) > 0 {
				fires[c.Alertname] = true
			} else {
				quiet[c.Alertname] = true
			}
		}
	}
	table := string(read(t, "docs/alerts.md"))
	count := 0
	for _, group := range readRules(t).Groups {
		for _, rule := range group.Rules {
			count++
			if !fires[rule.Alert] || !quiet[rule.Alert] {
				t.Errorf("%s: fires in a test: %v, stays quiet in one: %v", rule.Alert, fires[rule.Alert], quiet[rule.Alert])
			}
			if s := rule.Labels["severity"]; !slices.Contains([]string{"critical", "warning", "info"}, s) {
				t.Errorf("%s: severity %q", rule.Alert, s)
			}
			if rule.For == "" || rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
				t.Errorf("%s lacks for, summary or description", rule.Alert)
			}
			if strings.Contains(rule.Annotations["summary"], "{{") {
				t.Errorf("%s: its summary is not the same for all of its alerts", rule.Alert)
			}
			page := "docs/runbooks/" + rule.Alert + ".md"
			if !strings.HasSuffix(rule.Annotations["runbook_url"], "/"+page) {
				t.Errorf("%s: runbook_url is %s, want %s", rule.Alert, rule.Annotations["runbook_url"], page)
			}
			for _, part := range []string{"# " + rule.Alert + "\n", "\n## Meaning\n", "\n## Impact\n", "\n## Diagnosis\n", "\n## Mitigation\n"} {
				if !strings.Contains(string(read(t, page)), part) {
					t.Errorf("%s lacks %q", page, strings.TrimSpace(part))
				}
			}
			if !strings.Contains(table, "| "+rule.Alert+" | "+rule.Labels["severity"]+" | ") {
				t.Errorf("docs/alerts.md lacks %s, %s", rule.Alert, rule.Labels["severity"])
			}
		}
	}
	if count == 0 {
		t.Error("no alerts: the test looks at nothing")
	}
}

// What the PrometheusRule says is what was tested, with this release's names.
func TestRenderedAlerts(t *testing.T) {
	for _, o := range objects(t, render(t, helm4, autoscaler, autoscaler+"/ci/scaler-only-values.yaml")) {
		if o["kind"] != "PrometheusRule" {
			continue
		}
		text, err := yaml.Marshal(o["spec"])
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "rules.yml")
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
		needs(t, promtool, "check", "rules", file)
		if strings.Contains(string(text), `job="camunda-`) {
			t.Errorf("a job of the shipped file is left:\n%s", text)
		}
		return
	}
	t.Error("there is no PrometheusRule")
}

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(route:.*?)```")

func TestReceiversInTheDocs(t *testing.T) {
	block := yamlBlock.FindSubmatch(read(t, "docs/alerts.md"))
	if block == nil {
		t.Fatal("docs/alerts.md has no configuration of Alertmanager")
	}
	file := filepath.Join(t.TempDir(), "alertmanager.yml")
	if err := os.WriteFile(file, block[1], 0o644); err != nil {
		t.Fatal(err)
	}
	needs(t, amtool, "check-config", file)
}
