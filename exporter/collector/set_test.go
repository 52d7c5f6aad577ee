package collector_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/collector"
)

// withCollectors returns an exporter with all collectors on.
func withCollectors(t testing.TB, answer func(*http.Request) (int, string), topics ...string) *exporter {
	t.Helper()
	return assemble(t, answer, nil, collector.SetOptions{Collectors: names(), Interval: 5 * time.Second, Topics: topics})
}

func names() []string {
	var names []string
	for _, c := range collector.Optionals() {
		names = append(names, c.Name)
	}
	return names
}

// busy is an engine that has some of everything.
func busy(r *http.Request) (int, string) {
	q := r.URL.Query()
	key := strings.TrimPrefix(r.URL.Path, "/engine-rest")
	for _, p := range []string{
		"startedAfter", "finishedAfter", "incidentType", "executable", "noRetriesLeft", "withException",
		"topicName", "notLocked", "locked", "unassigned",
	} {
		if q.Has(p) {
			key += " " + p
		}
	}
	n, ok := map[string]int{
		"/history/process-instance/count startedAfter":  42,
		"/history/process-instance/count finishedAfter": 40,
		"/process-instance/count":                       1000,
		"/incident/count":                               9,
		"/incident/count incidentType":                  4,
		"/job/count executable":                         17,
		"/job/count noRetriesLeft":                      4,
		"/job/count withException":                      6,
		"/external-task/count topicName notLocked":      5,
		"/external-task/count topicName locked":         3,
		"/external-task/count noRetriesLeft topicName":  2,
		"/task/count":                                   70,
		"/task/count unassigned":                        30,
	}[key]
	switch {
	case r.URL.Path == "/engine-rest/external-task/topic-names":
		return 200, `["ship","bill"]`
	case !ok:
		return 404, `{"type":"NotFoundException","message":"no such thing"}`
	}
	return 200, fmt.Sprintf(`{"count":%d}`, n)
}

// series returns the lines of a scrape whose names have this prefix.
func series(scrape, prefix string) string {
	return strings.Join(regexp.MustCompile(`(?m)^`+prefix+`.*$`).FindAllString(scrape, -1), "\n")
}

func TestCollectors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := withCollectors(t, busy)
		x.engine.latency = 2 * time.Millisecond
		golden(t, "collectors", x.scrape(t, 10*time.Second), false)
		wantLog(t, x, "error")
	})
}

// A collector that fails has no gauges, not even those that it got, and no 0. It
// does not affect the others.
func TestCollectorsFailAlone(t *testing.T) {
	for name, fault := range map[string]struct{ collector, path, query, series string }{
		"running":        {"running", "/process-instance/count", "", "camunda_process_instances_running"},
		"finished":       {"finished", "/history/process-instance/count", "finishedAfter", "camunda_process_instances_recently_finished"},
		"incidents":      {"incidents", "/incident/count", "incidentType", "camunda_incidents"},
		"jobs":           {"jobs", "/job/count", "withException", "camunda_jobs"},
		"topics":         {"external-tasks", "/external-task/topic-names", "", "camunda_external_task"},
		"external tasks": {"external-tasks", "/external-task/count", "noRetriesLeft", "camunda_external_task"},
		"user tasks":     {"user-tasks", "/task/count", "unassigned", "camunda_user_tasks"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := withCollectors(t, busy)
				healthy := x.scrape(t, 10*time.Second)
				x.engine.set(func(r *http.Request) (int, string) {
					if r.URL.Path == "/engine-rest"+fault.path && (fault.query == "" || r.URL.Query().Has(fault.query)) {
						return 500, `{"type":"ProcessEngineException","message":"no database"}`
					}
					return busy(r)
				})
				broken := x.scrape(t, 10*time.Second)
				if got := series(broken, fault.series); got != "" || series(healthy, fault.series) == "" {
					t.Errorf("a collector that fails has series:\n%s", got)
				}
				for _, name := range names() {
					want := 1
					if name == fault.collector {
						want = 0
					}
					line := fmt.Sprintf("camunda_exporter_collector_success{collector=%q} %d\n", name, want)
					if !strings.Contains(broken, line) || series(broken, fmt.Sprintf("camunda_exporter_collector_duration_seconds{collector=%q}", name)) == "" {
						t.Errorf("no %s and its duration in\n%s", line, broken)
					}
				}
				if len(strings.Split(series(broken, "camunda_"), "\n")) < 20 || !strings.Contains(broken, "camunda_up 1\n") {
					t.Errorf("others are missing, too:\n%s", broken)
				}
				x.scrape(t, 10*time.Second)
				wantLog(t, x, "warn", "collector="+fault.collector+" msg=\"collector fails\" cause=http_5xx")
				x.engine.set(busy)
				x.scrape(t, 10*time.Second)
				wantLog(t, x, "info", "engine answers", "history is readable", "collector="+fault.collector+" msg=\"collector works again\"")
			})
		})
	}
}

// Collectors come after the started instances and hold them up for a second at
// most. While a request is unanswered, its endpoint is not asked again.
func TestCollectorsThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := withCollectors(t, busy)
		var mu sync.Mutex
		atOnce, most, asked := 0, 0, 0
		x.engine.set(func(r *http.Request) (int, string) {
			if r.URL.Query().Has("startedAfter") {
				return busy(r)
			}
			mu.Lock()
			atOnce++
			asked++
			most = max(most, atOnce)
			mu.Unlock()
			<-r.Context().Done()
			mu.Lock()
			atOnce--
			mu.Unlock()
			return 200, `{"count":0}`
		})
		time.Sleep(10 * time.Second)
		var took []time.Duration
		for range 12 {
			begin := time.Now()
			got := x.scrape(t, 0)
			took = append(took, time.Since(begin))
			if !strings.Contains(got, `camunda_process_instances_recently_started{window="10s"} 42`) ||
				strings.Contains(got, "collector_success") && strings.Count(series(got, "camunda_exporter_collector_success"), " 0") != len(names()) {
				t.Fatalf("got\n%s", got)
			}
			time.Sleep(10*time.Second - time.Since(begin))
		}
		mu.Lock()
		if endpoints := 6; most > endpoints || asked > endpoints {
			t.Errorf("%d requests, %d at once, want one for each endpoint", asked, most)
		}
		mu.Unlock()
		slow := 0
		for _, d := range took {
			if d > time.Second {
				t.Errorf("a scrape took %s", d)
			}
			if d > 0 {
				slow++
			}
		}
		if slow > 4 {
			t.Errorf("scrapes took %v", took)
		}
	})
}

// If the started instances take all of the scrape's time, no collector asks.
func TestCollectorsComeLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := withCollectors(t, busy)
		x.engine.latency = time.Hour
		got := x.scrape(t, 10*time.Second)
		if x.engine.requests() != 1 || !strings.Contains(got, `camunda_exporter_collector_success{collector="jobs"} 0`) {
			t.Errorf("%d requests:\n%s", x.engine.requests(), got)
		}
	})
}

// A scraper with little time does not take values from the others.
func TestCollectorsOutliveAScrape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := withCollectors(t, busy)
		x.engine.latency = 150 * time.Millisecond
		time.Sleep(10 * time.Second)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
		r.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", "1")
		w := httptest.NewRecorder()
		x.handler.ServeHTTP(w, r)
		if got := w.Body.String(); !strings.Contains(got, `camunda_exporter_collector_success{collector="jobs"} 0`) || !strings.Contains(got, "camunda_up 1") {
			t.Errorf("got\n%s", got)
		}
		got := x.scrape(t, time.Second)
		if !strings.Contains(got, `camunda_jobs_due 17`) {
			t.Errorf("got\n%s", got)
		}
	})
}

func TestManyScrapersOfCollectors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := withCollectors(t, busy)
		x.engine.latency = time.Millisecond
		var all sync.WaitGroup
		for i := range 15 {
			all.Go(func() {
				for range 30 {
					x.scrape(t, time.Second+time.Duration(i)*time.Millisecond)
				}
			})
		}
		all.Wait()
		// In some 32 s: one a second for the main metrics; 7 rounds of 13 requests,
		// and one of 7 for the external tasks every 7 s.
		if most := 32 + 7*13 + 5*7; x.engine.requests() > most || x.engine.requests() < most/2 {
			t.Errorf("%d requests, want at most %d", x.engine.requests(), most)
		}
	})
}

// However many topics there are, the series are bounded. A topic without tasks
// is 0, and costs no request.
func TestTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var topics, asked []string
		x := withCollectors(t, func(r *http.Request) (int, string) {
			mu.Lock()
			defer mu.Unlock()
			if r.URL.Path == "/engine-rest/external-task/topic-names" {
				asked = nil
				return 200, `["` + strings.Join(topics, `","`) + `"]`
			}
			if topic := r.URL.Query().Get("topicName"); topic != "" && !slices.Contains(asked, topic) {
				asked = append(asked, topic)
			}
			return busy(r)
		})
		topics = []string{"z", "a"}
		x.scrape(t, 10*time.Second)
		for i := range 50 {
			topics = append(topics, fmt.Sprintf("topic-%02d", i))
		}
		topics = topics[1:] // z is gone
		got := x.scrape(t, time.Minute)
		if n := strings.Count(got, `state="unlocked"`); n != 20 || len(asked) != 19 || !strings.Contains(got, "camunda_external_task_topics 51\n") {
			t.Errorf("%d topics, %d counted:\n%s", n, len(asked), got)
		}
		for _, line := range []string{
			`{state="unlocked",topic="z"} 0`, `{state="locked",topic="z"} 0`, `{state="out_of_retries",topic="z"} 0`,
			`{state="unlocked",topic="a"} 5`, `{state="locked",topic="a"} 3`, `{state="out_of_retries",topic="a"} 2`,
		} {
			if !strings.Contains(got, "camunda_external_tasks"+line+"\n") {
				t.Errorf("no %s in\n%s", line, got)
			}
		}
		// 58 requests were made, so all scrapes within 58 s get their values.
		before := x.engine.requests()
		x.scrape(t, 55*time.Second)
		if slices.Contains(asked, "z") || x.engine.requests()-before > 40 {
			t.Errorf("%d requests", x.engine.requests()-before)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		x := withCollectors(t, func(r *http.Request) (int, string) {
			if r.URL.Path == "/engine-rest/external-task/topic-names" {
				t.Error("topics are searched for, although they are listed")
			}
			return busy(r)
		}, "pay, cash")
		got := x.scrape(t, 10*time.Second)
		if !strings.Contains(got, `camunda_external_tasks{state="unlocked",topic="pay, cash"} 5`) || strings.Contains(got, "camunda_external_task_topics") {
			t.Errorf("got\n%s", got)
		}
	})
}

// Incidents that come or go between the counts are not counted as other ones.
func TestOtherIncidents(t *testing.T) {
	for _, test := range []struct {
		name   string
		counts []int // all, failed jobs, failed external tasks, all
		want   int
	}{
		{"others", []int{9, 4, 2, 9}, 3},
		{"none", []int{6, 4, 2, 6}, 0},
		{"one came", []int{6, 5, 2, 7}, 0},
		{"one came last", []int{6, 4, 2, 7}, 0},
		{"one went", []int{6, 3, 2, 5}, 0},
		{"one came and went", []int{6, 5, 2, 6}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				counts := slices.Clone(test.counts)
				x := withCollectors(t, func(r *http.Request) (int, string) {
					if r.URL.Path != "/engine-rest/incident/count" {
						return busy(r)
					}
					n := counts[0]
					counts = counts[1:]
					return 200, fmt.Sprintf(`{"count":%d}`, n)
				})
				got := x.scrape(t, 10*time.Second)
				if want := fmt.Sprintf("camunda_incidents{incident_type=\"other\"} %d\n", test.want); !strings.Contains(got, want) {
					t.Errorf("want %sgot\n%s", want, got)
				}
			})
		})
	}
}

// With an unreadable history, the finished instances are unknown, not 0.
func TestFinishedWithoutHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := withCollectors(t, func(r *http.Request) (int, string) {
			switch r.URL.Path {
			case "/engine-rest/process-instance":
				return 200, `[{"id":"0815"}]`
			case "/engine-rest/history/process-instance/count":
				return 200, `{"count":0}`
			}
			return busy(r)
		})
		for range 3 {
			got := x.scrape(t, 10*time.Second)
			if series(got, "camunda_process_instances_recently_finished") != "" || !strings.Contains(got, `camunda_exporter_collector_success{collector="finished"} 0`) {
				t.Errorf("got\n%s", got)
			}
		}
		wantLog(t, x, "error", "history is unreadable")
		wantLog(t, x, "warn", "collector=finished")
	})
}
