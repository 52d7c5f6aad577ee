package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// testObjects checks that an install has made what the chart's README shows, and that no object took another's place.
func testObjects(ctx context.Context, t *testing.T, s *stack) {
	const name = "autoscaler-camunda-autoscaler-"
	for object, key := range map[string]string{
		"configmap/" + name + "scaler":                "config\\.yml",
		"configmap/" + name + "dashboard-autoscaling": "camunda-autoscaler-autoscaling\\.json",
		"configmap/" + name + "dashboard-camunda":     "camunda-autoscaler-camunda\\.json",
		"configmap/" + name + "dashboard-scaler":      "camunda-autoscaler-scaler\\.json",
	} {
		if text := s.kubectl(ctx, "get", object, "--output=jsonpath={.data."+key+"}"); text == "" {
			t.Errorf("%s has no %s", object, key)
		}
	}
	for _, object := range []string{
		"servicemonitors.monitoring.coreos.com/" + name + "exporter", "servicemonitors.monitoring.coreos.com/" + name + "scaler",
		"prometheusrules.monitoring.coreos.com/autoscaler-camunda-autoscaler",
	} {
		s.kubectl(ctx, "get", object)
	}
	pods := s.kubectl(ctx, "get", "pods", "--selector=app.kubernetes.io/component=scaler",
		"--output=jsonpath={range .items[*].status.containerStatuses[*]}{.ready}/{.restartCount} {end}")
	if pods != "true/0 true/0" {
		t.Errorf("the scalers' readiness and restarts are %q", pods)
	}
}

// testRefused checks that an upgrade that cannot work ends before it changes anything, and that the reason can be seen.
func testRefused(ctx context.Context, t *testing.T, s *stack, h helm) {
	upgrade := append([]string{"upgrade", s.autoscaler.name, s.autoscaler.chart, "--timeout=2m"}, s.autoscaler.values...)
	t.Run("configuration", func(t *testing.T) {
		_, err := h.run(ctx, append(upgrade, "--set=scaler.targets.camunda.rule.scale_down_at=60")...)
		if err == nil || !strings.Contains(err.Error(), "raise scale_up_at or lower scale_down_at") {
			t.Errorf("Helm does not print the reason: %v", err)
		}
	})
	t.Run("image", func(t *testing.T) {
		_, err := h.run(ctx, append(upgrade, "--set=scaler.image.tag=missing", "--set=scaler.image.pullPolicy=Never", "--set=scaler.checkConfig.timeoutSeconds=10")...)
		if err == nil {
			t.Fatal("an upgrade to an image that does not exist succeeds")
		}
		t.Log(err)
		if text := s.kubectl(ctx, "describe", "pod", "--selector=app.kubernetes.io/component=check-config"); !strings.Contains(text, "ErrImageNeverPull") {
			t.Errorf("kubectl describe does not show the reason:\n%s", text)
		}
	})
	testObjects(ctx, t, s)
}

// testReload changes the scaler's configuration without Helm: it takes effect without a restart.
func testReload(ctx context.Context, t *testing.T, s *stack) {
	const name = "autoscaler-camunda-autoscaler-scaler"
	pods := s.kubectl(ctx, "get", "pods", "--selector=app.kubernetes.io/component=scaler", "--output=name")
	config := s.kubectl(ctx, "get", "configmap", name, "--output=jsonpath={.data.config\\.yml}")
	changed := strings.Replace(config, "min_replicas: 1", "min_replicas: 2", 1)
	if changed == config {
		t.Fatalf("the configuration has no min_replicas: 1\n%s", config)
	}
	patch, err := json.Marshal(map[string]any{"data": map[string]string{"config.yml": changed}})
	if err != nil {
		t.Fatal(err)
	}
	s.kubectl(ctx, "patch", "configmap", name, "--patch="+string(patch))
	s.await(ctx, settleWithin, "the new minimum is in force", func() error {
		if n := s.replicas(ctx); n != "2/2" {
			return fmt.Errorf("there are %s replicas", n)
		}
		return nil
	})
	s.say("the new minimum is in force")
	if now := s.kubectl(ctx, "get", "pods", "--selector=app.kubernetes.io/component=scaler", "--output=name"); now != pods {
		t.Errorf("the scaler's Pods were\n%s\nand are\n%s", pods, now)
	}
}
