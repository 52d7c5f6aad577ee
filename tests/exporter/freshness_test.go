package exporter

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/engine"
)

// Thirty listed keys do not age the number that is scaled by, and each number is
// what the engine counts in its window.
func TestManyKeys(t *testing.T) {
	c := client{engine: startEngine(t, engine.Spec{Distribution: engine.Tomcat714})}
	c.deploy(t, "")
	args := []string{"--camunda.url=" + c.engine.URL, "--camunda.process-definition-key=short"}
	for i := range 29 {
		args = append(args, fmt.Sprintf("--camunda.process-definition-key=key-%d", i))
	}
	x := startExporter(t, args...)
	const label = `{process_definition_key="short"`
	shown, old := 0, 0
	for i := range 6 {
		begin := time.Now()
		c.mustStart(t, "short", "", 5)
		sleep(t.Context(), time.Until(begin.Add(10*time.Second)))
		asked := time.Now()
		m := x.scrape(t)
		took := time.Since(asked)
		end, there := m.value(t, "camunda_window_end_timestamp_seconds")
		age := float64(asked.UnixMilli())/1000 - end
		t.Logf("scrape %d took %s, window %.1f s old", i, took.Round(time.Millisecond), age)
		if !there {
			t.Errorf("there is no window:\n%s", x.log(t))
			continue
		}
		if age > 3 {
			old++
		}
		c.wantWindow(t, m, recent, end)
		if keyEnd, there := m.value(t, "camunda_process_definition_window_end_timestamp_seconds"+label+"}"); there {
			shown++
			c.wantWindow(t, m, "camunda_process_definition_instances_recently_started"+label+`,window="10s"}`, keyEnd)
		}
	}
	if old > 1 { // one may be the busy machine's fault
		t.Errorf("in %d of 6 scrapes the window is older than 3 s", old)
	}
	if shown < 3 {
		t.Errorf("the key was shown in %d of 6 scrapes", shown)
	}
	x.await(t, time.Minute, map[string]float64{total: 30, "camunda_process_definition_instances_started_total" + label + "}": 30})
}

// wantWindow compares a series with what the engine counts in a window of ten
// seconds.
func (c client) wantWindow(t *testing.T, m metrics, series string, end float64) {
	t.Helper()
	at := time.Unix(int64(end), 0).UTC()
	var truth struct{ Count float64 }
	const layout = "2006-01-02T15:04:05.000-0700"
	query := url.Values{"startedAfter": {at.Add(-10 * time.Second).Format(layout)}, "startedBefore": {at.Add(-time.Millisecond).Format(layout)}}
	c.call(t, http.MethodGet, "/history/process-instance/count?"+query.Encode(), nil, &truth)
	if n, there := m.value(t, series); !there || n != truth.Count {
		t.Errorf("%s is %v (there: %t), but the engine counts %v", series, n, there, truth.Count)
	}
}

// While the database does not answer, the exporter leaves one query of each
// kind there, not one more each scrape, and is back as soon as the database is.
func TestLockedHistory(t *testing.T) {
	db, database := startPostgres(t)
	c := client{engine: startEngine(t, engine.Spec{Distribution: engine.Tomcat714, Database: database})}
	c.deploy(t, "")
	c.mustStart(t, "short", "", 3)
	x := startExporter(t, "--camunda.url="+c.engine.URL, "--camunda.timeout=2s")
	x.await(t, 20*time.Second, map[string]float64{up: 1, readable: 1})

	const locked = 30 * time.Second
	unlocked := make(chan error, 1)
	go func() {
		unlocked <- db.Exec(t.Context(), fmt.Sprintf("BEGIN; LOCK TABLE act_hi_procinst IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(%d); COMMIT", int(locked.Seconds())))
	}()
	begin := time.Now()
	most := int64(0)
	for time.Since(begin) < locked-5*time.Second {
		x.scrape(t)
		waiting, err := db.QueryInt(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, waiting)
		sleep(t.Context(), 2*time.Second)
	}
	x.scrape(t).want(t, map[string]float64{up: 0, recent: absent})
	// Counts of started and of finished instances, and one to recount or check.
	if most < 1 || most > 3 {
		t.Errorf("%d queries waited at once", most)
	}
	if err := <-unlocked; err != nil {
		t.Fatal(err)
	}
	freed := time.Now()
	x.await(t, 20*time.Second, map[string]float64{up: 1, readable: 1})
	t.Logf("at most %d queries waited; up again %s after the lock was released", most, time.Since(freed).Round(100*time.Millisecond))
	if took := time.Since(freed); took > 5*time.Second {
		t.Errorf("up again only after %s", took)
	}
}
