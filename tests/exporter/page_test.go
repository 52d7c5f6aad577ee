package exporter

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/engine"
	"github.com/camunda-autoscaler/camunda-autoscaler/tests/page"
)

// The exporter's page in a real browser says what the engine's state is, shows the
// last window, and says why there is none when the engine has gone: on a large
// screen and on a phone, light and dark. PICTURES names a folder for what was
// seen.
func TestPage(t *testing.T) {
	t.Parallel()
	browser, missing, err := page.NewBrowser(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if missing != "" {
		t.Skipf("%s is not installed", missing)
	}
	e := startEngine(t, engine.Spec{})
	x := startExporter(t, "--camunda.url="+e.URL)
	look := func(name string, wants ...string) {
		t.Helper()
		var visits []page.Visit
		for i := range 4 {
			v := page.Visit{URL: "http://" + x.address + "/", Width: []int{1280, 360}[i/2], Height: 800, Dark: i%2 == 1, Scripts: true, Tall: true}
			if dir := os.Getenv("PICTURES"); dir != "" {
				v.Picture = filepath.Join(dir, "exporter-"+name+"-"+strconv.Itoa(i)+".png")
			}
			visits = append(visits, v)
		}
		seen, err := browser.Visit(t.Context(), visits...)
		if err != nil {
			t.Fatal(err)
		}
		for i, sight := range seen {
			for _, problem := range visits[i].Problems(sight) {
				t.Error(problem)
			}
			text := strings.Join(strings.Fields(sight.Text), " ")
			for _, want := range wants {
				if !strings.Contains(text, want) {
					t.Errorf("%s: no %q in\n%s", name, want, text)
				}
			}
		}
		if seen[0].Background == seen[1].Background {
			t.Errorf("%s: light and dark are both on %s", name, seen[0].Background)
		}
	}
	look("before", "Engine not queried yet", "Recently started missing nothing has scraped the metrics yet")
	x.scrape(t)
	look("up", "Engine answers "+e.URL, "Recently started 0 in 10s from 20", "History empty: no instance was ever started")
	e.Stop()
	x.scrape(t)
	look("down", "Engine does not answer "+e.URL, "Recently started missing the engine did not answer the latest count, see above")
}
