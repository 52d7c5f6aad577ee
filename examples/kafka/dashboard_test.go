package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/story"
)

type panel struct {
	Title, Description, Type string
	Targets                  []struct{ Expr string }
	FieldConfig              struct{ Defaults struct{ Unit string } }
}

func panels(t *testing.T) []panel {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("helm", "kafka", "files", "dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	var board struct{ Panels []panel }
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	return board.Panels
}

func TestDashboardIsComplete(t *testing.T) {
	for _, p := range panels(t) {
		if p.Title == "" || p.Description == "" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 {
			t.Errorf("panel %q lacks a title, a description, a unit or a query", p.Title)
		}
	}
}

// Every query of the dashboard has a result on the running system.
func testDashboard(t *testing.T, s *story.Story) {
	fill := strings.NewReplacer("$namespace", "kafka", "$__rate_interval", "10s")
	for _, p := range panels(t) {
		for _, target := range p.Targets {
			if _, ok, err := s.Prometheus.Query(t.Context(), fill.Replace(target.Expr)); err != nil || !ok {
				t.Errorf("%s: %s has no result (%v)", p.Title, target.Expr, err)
			}
		}
	}
}
