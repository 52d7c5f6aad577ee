package exporter

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/instances"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/engine"
)

// Two nodes with different time zones on one database: what one starts is hours
// off for the other, so half is in no window. That is detected from either one.
func TestNodesInDifferentTimeZones(t *testing.T) {
	db, database := startPostgres(t)
	zones := []string{"UTC", "America/New_York"}
	var nodes []client
	for _, zone := range zones {
		nodes = append(nodes, client{engine: startEngine(t, engine.Spec{Distribution: engine.Tomcat714, Database: database, TimeZone: zone})})
	}
	nodes[0].deploy(t, "")
	o := instances.Options{Window: 10 * time.Second, SettleLag: time.Second, RecountHorizon: 10 * time.Minute}
	now := time.Now()
	checks := make([]*instances.Misdated, len(nodes))
	for i, n := range nodes {
		u, err := url.Parse(n.engine.URL)
		if err != nil {
			t.Fatal(err)
		}
		checks[i] = instances.NewMisdated(camunda.NewClient(u, "", http.DefaultClient, camunda.NewMetrics(prometheus.NewRegistry())), o)
		if _, err := checks[i].Check(t.Context(), now); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range nodes {
		n.mustStart(t, "short", "", 5)
	}
	for i, check := range checks {
		if _, err := check.Check(t.Context(), now.Add(5*time.Minute)); err != nil {
			t.Fatal(err)
		}
		if found, known := check.Found(); found != 5 || !known {
			t.Errorf("from the node in %s: %d misdated instances (known: %t), want the other's 5", zones[i], found, known)
		}
	}
	if n, err := db.QueryInt(t.Context(), "SELECT count(*) FROM act_hi_procinst"); err != nil || n != 10 {
		t.Errorf("the database holds %d instances, %v", n, err)
	}
}

// behind makes PostgreSQL store start times as a node does whose clock is three
// seconds behind.
const behind = `
CREATE FUNCTION behind() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.start_time_ = NEW.start_time_ - interval '3 seconds'; RETURN NEW; END $$;
CREATE TRIGGER behind BEFORE INSERT ON act_hi_procinst FOR EACH ROW EXECUTE PROCEDURE behind()`

// With an engine whose clock is three seconds behind, windows hold all that was
// started in them.
func TestClockBehind(t *testing.T) {
	db, database := startPostgres(t)
	e := startEngine(t, engine.Spec{Distribution: engine.Tomcat714, Database: database, TimeZone: "UTC"})
	c := client{engine: e}
	c.deploy(t, "")
	if err := db.Exec(t.Context(), behind); err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(e.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: target.Scheme, Host: target.Host}) },
		ModifyResponse: func(resp *http.Response) error {
			resp.Header.Set("Date", time.Now().Add(-3*time.Second).UTC().Format(http.TimeFormat))
			return nil
		},
	})
	defer proxy.Close()
	x := startExporter(t, "--camunda.url="+proxy.URL+target.Path)

	stop := make(chan struct{})
	var load sync.WaitGroup
	load.Go(func() {
		tick := time.NewTicker(time.Second / 12)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				load.Go(func() {
					if err := c.start(t.Context(), "short", "", ""); err != nil {
						t.Error(err)
					}
				})
			case <-stop:
				return
			}
		}
	})
	type seen struct{ end, count float64 }
	var windows []seen
	for deadline := time.Now().Add(2 * time.Minute); len(windows) < 4 && time.Now().Before(deadline); {
		sleep(t.Context(), 7*time.Second)
		m := x.scrape(t)
		end, there := m.value(t, "camunda_window_end_timestamp_seconds")
		if n, _ := m.value(t, recent); there && n > 0 { // a busy machine may miss one
			windows = append(windows, seen{end, n})
		}
	}
	close(stop)
	load.Wait()
	if len(windows) < 4 {
		t.Errorf("%d windows in two minutes:\n%s", len(windows), x.log(t))
	}
	for _, w := range windows {
		truth, err := db.QueryInt(t.Context(), fmt.Sprintf("SELECT count(*) FROM act_hi_procinst WHERE start_time_ >= to_timestamp(%[1]s) AT TIME ZONE 'UTC' - interval '10 seconds' AND start_time_ < to_timestamp(%[1]s) AT TIME ZONE 'UTC'",
			strconv.FormatFloat(w.end, 'f', 0, 64)))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("window until %s: %v, in truth %d", time.Unix(int64(w.end), 0).UTC().Format(time.TimeOnly), w.count, truth)
		if w.count < float64(truth)-1 || truth == 0 {
			t.Errorf("the window was shown as %v, but holds %d", w.count, truth)
		}
	}
}
