package exporter

import (
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/engine"
	"github.com/camunda-autoscaler/camunda-autoscaler/tests/page"
)

// The exporter's page in a real browser says what the engine's state is, shows the
// last window, and says why there is none when the engine has gone: on a large
// screen and on a phone, light and dark.
func TestPage(t *testing.T) {
	t.Parallel()
	browser := page.Open(t)
	e := startEngine(t, engine.Spec{})
	x := startExporter(t, "--camunda.url="+e.URL)
	look := func(name string, wants ...string) {
		t.Helper()
		visits, seen := browser.SeeEachWay(t, "exporter-"+name, "http://"+x.address+"/")
		for i, sight := range seen {
			visits[i].Want(t, sight, wants...)
		}
	}
	look("before", "Engine not queried yet", "Recently started missing nothing has scraped the metrics yet")
	x.scrape(t)
	look("up", "Engine answers "+e.URL, "Recently started 0 in 10s from 20", "History empty: no instance was ever started")
	e.Stop()
	x.scrape(t)
	look("down", "Engine does not answer "+e.URL, "Recently started missing the engine did not answer the latest count, see above")
}
