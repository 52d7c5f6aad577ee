package exporter

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/engine"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/postgres"
)

// longTransactions makes PostgreSQL take three seconds for each start of an
// instance with business key long, in the middle of its transaction.
const longTransactions = `
CREATE FUNCTION long_transaction() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3); RETURN NEW; END $$;
CREATE TRIGGER long_transaction BEFORE INSERT ON act_hi_procinst
	FOR EACH ROW WHEN (NEW.business_key_ = 'long') EXECUTE PROCEDURE long_transaction()`

func startPostgres(t testing.TB) (*postgres.Server, engine.Database) {
	t.Helper()
	db, err := postgres.Start(shared, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Stop)
	return db, engine.Database{URL: db.JDBCURL, User: db.User, Password: db.Password}
}

// Under load, with one start in ten in a transaction of three seconds, several
// scrapers and a cluster of two nodes, the counter becomes exactly what the
// engine's database holds.
func TestTotalIsWhatHistorySays(t *testing.T) {
	everyEngine(t, func(t *testing.T, d engine.Distribution) {
		db, database := startPostgres(t)
		spec := engine.Spec{Distribution: d, Database: database}
		nodes := []client{{engine: startEngine(t, spec)}}
		if d == engine.Tomcat714 {
			nodes = append(nodes, client{engine: startEngine(t, spec)})
		}
		nodes[0].deploy(t, "")
		if err := db.Exec(t.Context(), longTransactions); err != nil {
			t.Fatal(err)
		}
		x := startExporter(t, "--camunda.url="+nodes[0].engine.URL, "--camunda.process-definition-key=short")

		load, stop := context.WithTimeout(t.Context(), 25*time.Second)
		defer stop()
		var all sync.WaitGroup
		for i := range 3 { // scrapers, each at its own pace
			all.Go(func() {
				for load.Err() == nil {
					x.scrape(t)
					sleep(load, time.Duration(700+900*i)*time.Millisecond)
				}
			})
		}
		var started, long atomic.Int64
		tick := time.NewTicker(time.Second / 14)
		defer tick.Stop()
		for i := 0; load.Err() == nil; i++ {
			<-tick.C
			all.Go(func() {
				businessKey := "quick"
				if rand.IntN(10) == 0 {
					businessKey = "long"
				}
				begin := time.Now()
				if err := nodes[i%len(nodes)].start(t.Context(), []string{"short", "waiting"}[i%2], "", businessKey); err != nil {
					if !strings.Contains(err.Error(), "Could not open JDBC Connection") { // which a busy machine's engine waits for in vain
						t.Error(err)
					}
					return
				}
				started.Add(1)
				if businessKey == "long" {
					long.Add(1)
					if took := time.Since(begin); took < 3*time.Second {
						t.Errorf("a long transaction took only %s", took)
					}
				}
			})
		}
		all.Wait()
		truth, err := db.QueryInt(t.Context(), "SELECT count(*) FROM act_hi_procinst")
		if err != nil {
			t.Fatal(err)
		}
		short, err := db.QueryInt(t.Context(), "SELECT count(*) FROM act_hi_procinst WHERE proc_def_key_ = 'short'")
		if err != nil {
			t.Fatal(err)
		}
		if truth != started.Load() || truth < 100 || long.Load() == 0 {
			t.Fatalf("the database holds %d instances, but %d were started, %d of them long", truth, started.Load(), long.Load())
		}
		want := map[string]float64{
			up: 1, total: float64(truth),
			`camunda_process_definition_instances_started_total{process_definition_key="short"}`: float64(short),
		}
		begin := time.Now()
		x.await(t, 2*time.Minute, want)
		t.Logf("%d instances, %d in long transactions; the total was exact %s after the last start", truth, long.Load(), time.Since(begin).Round(time.Second))
		for range 12 { // and stays so over another recount of each series
			sleep(t.Context(), 2*time.Second)
			x.scrape(t).want(t, want)
		}
	})
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// The engine and its database fail and come back: the exporter answers in time,
// never with a wrong 0, and its total loses nothing.
func TestEngineGoesAndComesBack(t *testing.T) {
	everyEngine(t, goesAndComesBack)
}

func goesAndComesBack(t *testing.T, d engine.Distribution) {
	db, database := startPostgres(t)
	e := startEngine(t, engine.Spec{Distribution: d, Database: database})
	c := client{engine: e}
	c.deploy(t, "")
	e.Stop()
	x := startExporter(t, "--camunda.url="+e.URL, "--camunda.timeout=3s")
	gone := func(counted float64) map[string]float64 {
		return map[string]float64{up: 0, recent: absent, "camunda_window_end_timestamp_seconds": absent, total: counted}
	}
	x.scrape(t).want(t, gone(0))
	if err := e.Start(shared); err != nil {
		t.Fatal(err)
	}
	c.mustStart(t, "short", "", 5)
	x.await(t, 20*time.Second, map[string]float64{up: 1, total: 5, readable: 1})

	// Without a database Tomcat's pool fails at once, Spring Boot's waits for 30 s.
	withoutDatabase := "timeout"
	if d == engine.Tomcat714 {
		withoutDatabase = "http_5xx"
	}
	for i, fault := range []struct {
		name, cause string
		begin, end  func() error
	}{
		{"the engine hangs", "timeout", func() error { e.Pause(); return nil }, func() error { e.Resume(); return nil }},
		{"the database is down", withoutDatabase, func() error { db.Stop(); return nil }, func() error { return db.Start(shared) }},
		{"the engine is down", "connection", func() error { e.Kill(); return nil }, func() error { return e.Start(shared) }},
	} {
		t.Run(fault.name, func(t *testing.T) {
			before := float64(5 + 7*i)
			c.mustStart(t, "short", "", 7) // not scraped yet
			if err := fault.begin(); err != nil {
				t.Fatal(err)
			}
			late := 0
			for range 3 {
				begin := time.Now()
				text, err := get(t.Context(), "http://"+x.address+"/metrics", "2")
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begin); took > 2*time.Second {
					late++
					t.Logf("answered after %s", took)
				}
				if got, ok := (metrics{text}).value(t, up); !ok || got != 0 {
					continue // a result from just before, or the database's last connections
				}
				metrics{text}.want(t, gone(before))
				sleep(t.Context(), 1100*time.Millisecond)
			}
			if late > 1 { // one may be the busy machine's fault; without the scrape's timeout all would take the engine's, 3 s
				t.Errorf("%d of 3 scrapes took longer than their timeout of 2 s", late)
			}
			x.await(t, 30*time.Second, gone(before))
			series := fmt.Sprintf(`camunda_exporter_request_errors_total{cause=%q,endpoint="history_count"}`, fault.cause)
			if n, _ := x.scrape(t).value(t, series); n == 0 {
				t.Errorf("%s is 0:\n%s", series, x.log(t))
			}
			if err := fault.end(); err != nil {
				t.Fatal(err)
			}
			x.await(t, time.Minute, map[string]float64{up: 1, total: before + 7, readable: 1})
		})
	}
	// Once for each fault and cause, not once for each scrape.
	if n := strings.Count(x.log(t), `level=error msg="cannot count started instances"`); n < 4 || n > 8 {
		t.Errorf("%d errors logged:\n%s", n, x.log(t))
	}
	x.process.SignalLeader(syscall.SIGTERM)
	<-x.process.Exited()
	x.wantLog(t, 1, "msg=stopped")
}
