package dashboards

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// What only a real Grafana shows. GRAFANA_HOME names one that is installed, for
// example /usr/share/grafana; the browser is Chromium.
func TestDashboardsInGrafana(t *testing.T) {
	home := os.Getenv("GRAFANA_HOME")
	if home == "" {
		t.Skip("GRAFANA_HOME names no Grafana")
	}
	to := historyEnd
	h := &History{From: to.Add(-3 * time.Hour), To: to, Scrape: 30 * time.Second, Targets: 22}
	server, err := h.Serve(t.Context(), t.TempDir())
	check(t, err)
	t.Cleanup(server.Kill)
	grafana, err := StartGrafana(t.Context(), home, t.TempDir(), folder, server.URL, h.Scrape)
	check(t, err)
	t.Cleanup(grafana.Stop)
	browser := t.TempDir()
	visit := func(t *testing.T, uid, query, click string, end time.Time) Page {
		t.Helper()
		pages, err := Browse(t.Context(), browser, "/usr/bin/chromium", []Visit{{
			URL:   fmt.Sprintf("%s/d/%s?from=%d&to=%d%s", grafana.URL, uid, end.Add(-time.Hour).UnixMilli(), end.UnixMilli(), query),
			Width: 1440, Height: 2600, Docked: true, Click: click,
		}})
		check(t, err)
		return pages[0]
	}
	boards, err := Load(folder)
	check(t, err)
	for _, d := range boards {
		t.Run(d.Title, func(t *testing.T) {
			page := visit(t, d.UID, "", "", to)
			healthy(t, page)
			if len(page.Variables) == 0 || page.Variables[0] != "default" {
				t.Errorf("it opens on the data source %v, want the default", page.Variables)
			}
			for _, other := range boards {
				if other.UID == d.UID {
					continue
				}
				t.Run("leads to "+other.Title, func(t *testing.T) {
					// What was chosen here and is unknown there goes no further.
					healthy(t, visit(t, d.UID, "&var-job="+job[d.UID], other.Title, to))
				})
			}
			t.Run("without data", func(t *testing.T) { unknown(t, visit(t, d.UID, "", "", to.AddDate(0, -1, 0))) })
		})
	}
	t.Run("a target leads to its board", func(t *testing.T) {
		var target string
		for _, p := range visit(t, "camunda-scaler", "", "", to).Panels {
			for _, link := range p.Links {
				target = link.Text // the last that is in sight
			}
		}
		page := visit(t, "camunda-scaler", "", target, to)
		healthy(t, page)
		if last := page.Variables[len(page.Variables)-1]; last != target || target == "" {
			t.Errorf("the link of %q leads to the board of %s", target, last)
		}
	})
}

var job = map[string]string{"camunda-engine": "camunda-exporter", "camunda-autoscaling": "camunda-scaler", "camunda-scaler": "camunda-scaler"}

// healthy: every panel shows something, and nothing is cut.
func healthy(t *testing.T, page Page) {
	t.Helper()
	if len(page.Panels) < 10 {
		t.Errorf("found %d panels in %s: the test covers too little", len(page.Panels), page.URL)
	}
	for _, p := range page.Panels {
		if p.Error || strings.Contains(p.Text, "No data") || strings.Contains(p.Text, "unknown") {
			t.Errorf("%s in %s is without data: %s", p.Title, page.URL, p.Text)
		}
		if p.Cut {
			t.Errorf("the title of %s is cut", p.Title)
		}
	}
}

// unknown: what is not known is orange, and nothing is green.
func unknown(t *testing.T, page Page) {
	t.Helper()
	const orange = "rgb(255, 152, 48)"
	stats := 0
	for _, p := range page.Panels {
		if len(p.Colors) == 0 {
			continue
		}
		stats++
		if slices.ContainsFunc(p.Colors, func(c string) bool { return c != orange }) || !strings.Contains(p.Text, "unknown") {
			t.Errorf("%s is %v: %s", p.Title, p.Colors, p.Text)
		}
	}
	if stats < 4 {
		t.Errorf("found %d stats: the test covers too little", stats)
	}
}
