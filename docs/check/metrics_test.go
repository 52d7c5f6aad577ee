package main

import (
	"regexp"
	"strings"
	"testing"
)

// The tables of docs/metrics.md are those of the golden files.
func TestMetricsAreNotStale(t *testing.T) {
	page := read(t, "docs/metrics.md")
	now, err := withTables(page)
	if err != nil {
		t.Fatal(err)
	}
	if now != page {
		t.Error("docs/metrics.md is stale: run make manifests")
	}
	for product := range golden {
		if !strings.Contains(page, "<!-- table "+product+":") {
			t.Errorf("docs/metrics.md has no table of the %s", product)
		}
	}
}

// Names that pages, alerts' texts and dashboards' texts give to metrics are those of the programs.
func TestNamedMetricsExist(t *testing.T) {
	page := read(t, "docs/metrics.md")
	name := regexp.MustCompile(`\bcamunda_[a-z_]+[a-z]\b`)
	suffix := regexp.MustCompile(`_(bucket|sum|count)$`)
	for _, file := range tracked(t, "*.md") {
		if strings.HasPrefix(file, "docs/runbooks/") || file == "docs/metrics.md" {
			continue
		}
		t.Run(file, func(t *testing.T) {
			for _, used := range name.FindAllString(read(t, file), -1) {
				if !strings.Contains(page, "`"+used+"`") && !strings.Contains(page, "`"+suffix.ReplaceAllString(used, "")+"`") {
					t.Errorf("there is no metric %s", used)
				}
			}
		})
	}
}
