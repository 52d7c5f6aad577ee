package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/payments/rig"
)

// testDashboard sends each query of the dashboard to the Prometheus of the running
// system, and wants a series.
func testDashboard(t *testing.T, r *rig.Rig) {
	var board struct {
		Panels []struct {
			Title, Type, Description string
			Targets                  []struct{ Expr string }
			FieldConfig              struct{ Defaults struct{ Unit string } }
		}
	}
	if err := json.Unmarshal(read(t, "kubernetes/monitoring/files/dashboard.json"), &board); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("$namespace", rig.Namespace, "$__rate_interval", "1m", "$__range", "10m")
	queries := 0
	for _, p := range board.Panels {
		if p.Type == "row" {
			continue
		}
		if p.Title == "" || p.Description == "" || p.FieldConfig.Defaults.Unit == "" {
			t.Errorf("panel %q lacks a title, a description or a unit", p.Title)
		}
		for _, target := range p.Targets {
			queries++
			if _, ok, err := r.Prometheus.Query(t.Context(), fill.Replace(target.Expr)); err != nil || !ok {
				t.Errorf("%s: %s has no result (%v)", p.Title, target.Expr, err)
			}
		}
	}
	if queries < 10 {
		t.Errorf("only %d queries were tried", queries)
	}
}
