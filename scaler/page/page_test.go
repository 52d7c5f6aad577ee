package page

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/html"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/api"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/journal"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop/looptest"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/web"
)

func newPages(j *journal.Journal, change ...func(*Pages)) http.Handler {
	p := Pages{
		Server: api.Server{Journal: j, Scaler: func() api.Scaler { return api.Scaler{Version: "1.2.3", Leads: true} }, Groups: func() []string { return nil }},
		Name:   "camunda-scaler", Now: time.Now, Prometheus: func(config.Target) *url.URL { return nil },
		Links: []Link{{"metrics", "Metrics"}},
	}
	for _, c := range change {
		c(&p)
	}
	mux, err := web.NewMux(web.Page{Instead: p}, "/metrics", http.NotFoundHandler(), func() error { return nil })
	if err != nil {
		panic(err)
	}
	p.Register(mux)
	return mux
}

func get(t *testing.T, h http.Handler, path string, code int) (string, http.Header) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	if w.Code != code {
		t.Fatalf("%s: %d, want %d: %s", path, w.Code, code, w.Body)
	}
	wellFormed(t, w.Body.String())
	return w.Body.String(), w.Header()
}

// wellFormed wants HTML whose elements are all closed, without scripts, event
// handlers, style attributes or addresses of other hosts, and unique ids.
func wellFormed(t *testing.T, page string) {
	t.Helper()
	void := map[string]bool{"meta": true, "br": true, "input": true}
	var open []string
	ids := map[string]bool{}
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			if !errors.Is(z.Err(), io.EOF) {
				t.Fatal(z.Err())
			}
			break
		}
		token := z.Token()
		switch kind {
		case html.StartTagToken:
			if token.Data == "script" || token.Data == "img" || token.Data == "iframe" {
				t.Fatalf("an element %s in\n%s", token.Data, page)
			}
			if !void[token.Data] {
				open = append(open, token.Data)
			}
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				t.Fatalf("</%s> closes %v", token.Data, open)
			}
			open = open[:len(open)-1]
		}
		for _, a := range token.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "style":
				t.Fatalf("an attribute %s in\n%s", a.Key, page)
			case a.Key == "id" && ids[a.Val]:
				t.Fatalf("the id %s twice", a.Val)
			case a.Key == "id":
				ids[a.Val] = true
			case a.Key == "d" && strings.Contains(a.Val, "NaN"), a.Key == "d" && strings.Contains(a.Val, "Inf"):
				t.Fatalf("a path to nowhere: %s", a.Val)
			case a.Key == "d" && !regexp.MustCompile(`^[-0-9.MLHVh ]*$`).MatchString(a.Val):
				t.Fatalf("a path %s", a.Val)
			}
		}
	}
	if len(open) > 0 {
		t.Fatalf("%v are not closed", open)
	}
	if strings.Contains(page, "ZgotmplZ") || strings.Contains(page, "<no value>") || strings.Contains(page, "%!") {
		t.Fatalf("the page is\n%s", page)
	}
}

// Whatever is decided, both pages are whole, and say it.
func TestPagesOfAnyDecision(t *testing.T) {
	reasons := map[decide.Reason]bool{}
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			w := looptest.New(seed)
			j := journal.New(1 << 20)
			kept := j.Target("camunda")
			kept.Configure(w.Target)
			h := newPages(j)
			get(t, h, "/", 200)
			get(t, h, "/targets/camunda", 200)
			kept.Start()
			for range 60 {
				time.Sleep(10 * time.Second)
				d := w.Next()
				kept.Observe(d)
				_, reason := d.Result()
				reasons[reason] = true
				if w.IntN(6) > 0 {
					continue
				}
				table, _ := get(t, h, "/", 200)
				page, _ := get(t, h, "/targets/camunda", 200)
				last := api.NewDecision(*kept.Status().Last)
				for _, want := range []string{last.Did, last.Next, last.Reason} {
					if !strings.Contains(html.UnescapeString(page), want) {
						t.Fatalf("no %q in\n%s", want, page)
					}
				}
				if !strings.Contains(table, last.Reason) {
					t.Fatalf("no %s in\n%s", last.Reason, table)
				}
			}
		})
	}
	for _, r := range decide.Reasons() {
		if !reasons[r] {
			t.Errorf("no decision had the reason %s", r)
		}
	}
}

const attack = `x"><script>alert(1)</script><img src=x onerror=alert(1)>'&{{.}}`

// What comes from outside is text, wherever it comes from.
func TestEverythingIsEscaped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *looptest.World
		for seed := uint64(0); w == nil || len(w.Target.Policy.Triggers) < 3; seed++ {
			w = looptest.New(seed)
		}
		w.Target.Name = attack
		w.Target.Workload = workload.Ref{APIVersion: "apps/v1", Kind: attack, Namespace: attack, Name: attack}
		for i := range w.Target.Policy.Triggers {
			w.Target.Policy.Triggers[i].Name += attack
			w.Target.Queries[i].PromQL = attack
		}
		j := journal.New(1 << 20)
		kept := j.Target(attack)
		kept.Configure(w.Target)
		kept.Start()
		h := newPages(j, func(p *Pages) {
			p.Server.Scaler = func() api.Scaler { return api.Scaler{Version: attack, Leader: attack} }
			p.Server.Groups = func() []string { return []string{attack} }
			p.Server.LastEvent = func(context.Context, workload.Ref) api.Event {
				return api.Event{Time: new(time.Now()), Reason: attack, Message: attack}
			}
			p.Prometheus = func(config.Target) *url.URL { return &url.URL{Scheme: "http", Host: "prometheus:9090", Path: "/x"} }
			p.Grafana = &url.URL{Scheme: "https", Host: "grafana", Path: "/d/x", RawQuery: "orgId=1"}
		})
		page, _ := get(t, h, "/"+address(attack), 200)
		if strings.Contains(page, "<script") {
			t.Error(page)
		}
		for range 100 {
			time.Sleep(10 * time.Second)
			d := w.Next()
			if d.Scale != nil {
				d.Scale.Writer.Manager = attack
			}
			if d.Err != nil {
				d.Err, d.Cause = fmt.Errorf("%s", attack), attack
			}
			if d.Block.Reason != "" {
				d.Block.By = attack
			}
			d.Limits.MinBy, d.Limits.MaxBy = attack, attack
			kept.Observe(d)
			get(t, h, "/", 200)
			page, _ = get(t, h, "/"+address(attack), 200)
		}
		if !strings.Contains(page, "alert(1)") {
			t.Error("this test has to show what it tries")
		}
		get(t, h, "/?search="+url.QueryEscape(attack), 200)
		get(t, h, "/?search="+url.QueryEscape("nothing"+attack), 200)
		get(t, h, "/?offset="+url.QueryEscape(attack)+"&refresh="+url.QueryEscape(attack), 200)
		get(t, h, "/"+address("no "+attack), 404)
		get(t, h, "/"+address(attack)+"?range="+url.QueryEscape(attack)+"&before="+url.QueryEscape(attack), 200)
	})
}

// The browser is told to run nothing and to load nothing, and the pages' own
// style is allowed by its content.
func TestSecurityPolicy(t *testing.T) {
	j := journal.New(0)
	j.Target("camunda").Configure(looptest.New(1).Target)
	h := newPages(j)
	for path, code := range map[string]int{"/": 200, "/targets/camunda": 200, "/targets/none": 404} {
		page, header := get(t, h, path, code)
		_, style, _ := strings.Cut(page, "<style>")
		style, _, _ = strings.Cut(style, "</style>")
		hash := sha256.Sum256([]byte(style))
		want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
		if got := header.Get("Content-Security-Policy"); got != want {
			t.Errorf("%s: the policy is %s, want %s", path, got, want)
		}
		if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: headers %v", path, header)
		}
	}
}

// Pages only show: there is no method to change anything with.
func TestMethods(t *testing.T) {
	j := journal.New(0)
	j.Target("camunda").Configure(looptest.New(1).Target)
	server := httptest.NewServer(newPages(j))
	defer server.Close()
	for _, path := range []string{"/", "/targets/camunda"} {
		for method, code := range map[string]int{"HEAD": 200, "GET": 200, "POST": 405, "PUT": 405, "DELETE": 405, "PATCH": 405} {
			r, err := http.NewRequest(method, server.URL+path, strings.NewReader("search=x"))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != code || method == "HEAD" && len(body) > 0 {
				t.Errorf("%s %s: %s, %d bytes", method, path, resp.Status, len(body))
			}
		}
	}
}

var link = regexp.MustCompile(`href="([^"]*)"`)

// links returns where a page's links lead, as a browser at that address sees
// them.
func links(t *testing.T, page, at string) (all []string) {
	t.Helper()
	base, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range link.FindAllStringSubmatch(page, -1) {
		to, err := base.Parse(html.UnescapeString(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, to.String())
	}
	return all
}

// Every name of a target leads to its page and back, also behind a proxy that
// adds a prefix.
func TestLinks(t *testing.T) {
	const prefix = "http://proxy/scaler/"
	for _, name := range []string{
		"camunda", "tenants/bpm/engine-1", "with space", "100%", "a?b#c", "ü/ö", "..", "a/../b", "a//b", "/a", "a/", ".", `"<b>`, "a;b", "targets", "-",
	} {
		t.Run(name, func(t *testing.T) {
			j := journal.New(0)
			target := looptest.New(1).Target
			target.Name = name
			j.Target(name).Configure(target)
			server := httptest.NewServer(http.StripPrefix("/scaler", newPages(j)))
			defer server.Close()
			fetch := func(at string) string {
				t.Helper()
				resp, err := http.Get(strings.Replace(at, "http://proxy", server.URL, 1))
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				body, _ := io.ReadAll(resp.Body)
				if resp.StatusCode != 200 {
					t.Fatalf("%s: %s", at, resp.Status)
				}
				return string(body)
			}
			page := ""
			var at string
			for _, to := range links(t, fetch(prefix), prefix) {
				if strings.Contains(to, "/targets/") {
					at, page = to, fetch(to)
				}
				if !strings.HasPrefix(to, prefix) {
					t.Errorf("a link to %s", to)
				}
			}
			if !strings.Contains(page, "<h1>"+html.EscapeString(name)+"</h1>") {
				t.Fatalf("%s is not its page:\n%s", at, page)
			}
			home := false
			for _, to := range links(t, page, at) {
				home = home || to == prefix
				if !strings.HasPrefix(to, prefix) {
					t.Errorf("a link from %s to %s", at, to)
				}
				if strings.Contains(to, "range=") || strings.Contains(to, "refresh=") {
					if again := fetch(to); !strings.Contains(again, "<h1>"+html.EscapeString(name)+"</h1>") {
						t.Errorf("%s leads elsewhere", to)
					}
				}
			}
			if !home {
				t.Errorf("no link to the table in\n%s", page)
			}
		})
	}
}

// Ten thousand targets are shown in pages, and found by a search.
func TestManyTargets(t *testing.T) {
	j := journal.New(1 << 20)
	w := looptest.New(1)
	for i := range 10_000 {
		w.Target.Name = fmt.Sprintf("tenants/bpm/engine-%05d", i)
		j.Target(w.Target.Name).Configure(w.Target)
	}
	h := newPages(j, func(p *Pages) { p.Server.Groups = func() []string { return []string{"tenants", "nothing"} } })
	page, _ := get(t, h, "/", 200)
	if len(page) > 60_000 || !strings.Contains(page, "1 to 50 of 10000") || !strings.Contains(page, "<strong>nothing</strong> names no workload") {
		t.Errorf("%d bytes:\n%.3000s", len(page), page)
	}
	seen := 0
	for at := "http://x/?offset=9800"; at != ""; {
		page, _ := get(t, h, strings.TrimPrefix(at, "http://x"), 200)
		seen += strings.Count(page, `rowheader`)
		next := ""
		if m := regexp.MustCompile(`rel="next" href="([^"]*)"`).FindStringSubmatch(page); m != nil {
			next = links(t, `href="`+m[1]+`"`, at)[0]
		}
		at = next
	}
	if seen != 200 {
		t.Errorf("%d rows from the 9800th on", seen)
	}
	page, _ = get(t, h, "/?search=engine-00042", 200)
	if strings.Count(page, "rowheader") != 1 || !strings.Contains(page, "1 to 1 of 1 that match <strong>engine-00042</strong>") {
		t.Error(page)
	}
}

// A dry run shows what would be if it scaled, beside what is.
func TestDryRun(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	target := looptest.New(1).Target
	target.Policy, target.DryRun, target.Interval = decide.DefaultPolicy(), true, 10*time.Second
	p := past{from: at, to: at.Add(40 * time.Second)}
	for i, d := range []struct {
		value        float64
		real, shadow int32
	}{{100, 4, 2}, {100, 4, 3}, {199, 4, 4}, {500, 4, 4}} {
		e := journal.Entry{At: at.Add(time.Duration(i) * 10 * time.Second)}
		e.Target, e.Scale, e.Replicas = &target, &workload.Scale{Replicas: d.real}, d.real
		e.Shadow = &loop.Shadow{From: d.shadow, To: d.shadow}
		e.Samples = []sample.Result{{Outcome: sample.Value, Value: d.value, Timestamp: e.At}}
		p.entries = append(p.entries, e)
	}
	want := []string{"50 % of 40s with the same replicas", "0.04 replica-hours instead of 0.04", "above the bound for 20s instead of 10s"}
	if got := p.compare().lines(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	c, ok := p.replicaChart()
	if !ok || len(c.Lines) != 4 || c.Lines[3] != (line{"shadow", "M0 66.7h0H250V50H500V33.3H750"}) {
		t.Errorf("got %+v", c.Lines)
	}
	p.entries[0].At = at.Add(-time.Minute) // what followed is unknown
	if got := p.compare(); got.known != 30*time.Second {
		t.Errorf("it knows of %s", got.known)
	}
	for i := range p.entries {
		p.entries[i].Shadow = nil
	}
	if got := p.compare().lines(); got != nil {
		t.Errorf("without a dry run: %q", got)
	}
}

// A standby shows no state of the past as if it were of now.
func TestStandby(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(1 << 20)
		w := looptest.New(3)
		kept := j.Target("camunda")
		kept.Configure(w.Target)
		kept.Start()
		for range 20 {
			time.Sleep(10 * time.Second)
			kept.Observe(w.Next())
		}
		kept.Stop()
		h := newPages(j, func(p *Pages) {
			p.Server.Scaler = func() api.Scaler { return api.Scaler{Version: "1.2.3", Leader: "scaler-7f9_XYZ"} }
		})
		table, _ := get(t, h, "/", 200)
		page, _ := get(t, h, "/targets/camunda", 200)
		for _, p := range []string{table, page} {
			if !strings.Contains(p, "stands by") || !strings.Contains(p, "<strong>scaler-7f9</strong> leads") || !strings.Contains(p, "not running") {
				t.Errorf("the page is\n%s", p)
			}
		}
		if strings.Contains(table, `data-head="Value"`) {
			t.Errorf("values of the past in\n%s", table)
		}
		if !strings.Contains(page, "What follows is of the past.") {
			t.Errorf("the page is\n%s", page)
		}
	})
}

func TestRefresh(t *testing.T) {
	j := journal.New(0)
	j.Target("camunda").Configure(looptest.New(1).Target)
	h := newPages(j)
	if _, header := get(t, h, "/?search=c", 200); header.Get("Refresh") != "" {
		t.Error("the page refreshes itself unasked, which takes screen readers back to its start")
	}
	page, header := get(t, h, "/?refresh=10&search=c", 200)
	if header.Get("Refresh") != "10" || !strings.Contains(page, `href="?search=c">Stop refreshing`) {
		t.Errorf("Refresh: %q\n%s", header.Get("Refresh"), page)
	}
}

// BenchmarkTarget is the page of a target with a day of decisions.
func BenchmarkTarget(b *testing.B) {
	j := journal.New(1 << 25)
	w := looptest.New(1)
	kept := j.Target("camunda")
	kept.Configure(w.Target)
	kept.Start()
	for range 8640 {
		kept.Observe(w.Next())
	}
	h := newPages(j)
	n := 0
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/targets/camunda?range=24h0m0s", nil))
		n = w.Body.Len()
	}
	b.ReportMetric(float64(n), "bytes")
}
