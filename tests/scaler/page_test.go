package scaler

import (
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/tests/page"
)

// The scaler's pages in a real browser, before and after a step: they say what
// the scaler does, on a large screen and on a phone, light and dark, to the eye,
// to the keyboard and to assistive technology, and load nothing from elsewhere.
func TestPages(t *testing.T) {
	t.Parallel()
	browser := page.Open(t)
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 2)
	target := newScraped(t, started(60))
	prom := startPrometheus(t, target, time.Second)
	s := startScaler(t, prom, append(quick(ns), "--web.grafana-url=https://grafana.example.com/d/camunda-autoscaling")...)
	s.awaitReason(t, 0, "within_bounds")
	home := "http://" + s.address
	own := home + "/targets/camunda-deployment"

	before := look(t, browser, "before", home, own, "60 on 2 replicas is 30 per replica, between 20 and 50", "Scales up at 100 or more (now 60)")
	if before[1].Steps != 0 {
		t.Errorf("%d steps before the first", before[1].Steps)
	}
	target.set(started(100))
	awaitReplicas(t, ns, 3)
	s.awaitReason(t, len(s.decisions(t)), "within_bounds")
	after := look(t, browser, "after", home, own, "100 on 3 replicas is 33.33 per replica, between 20 and 50", "Scaled up from 2 to 3: 100 on 2 replicas is 50 per replica")
	if after[1].Steps != 2 { // in the picture of the load, and in that of the replicas
		t.Errorf("%d steps are drawn", after[1].Steps)
	}

	// A person without a mouse finds a target, and one without JavaScript sees the
	// same.
	found := browser.See(t,
		page.Visit{URL: home, Width: 1280, Height: 800, Scripts: true, Search: "CAMUNDA"},
		page.Visit{URL: home, Width: 1280, Height: 800, Scripts: true, Search: "nothing"},
		page.Visit{URL: own, Width: 1280, Height: 800},
	)
	if !strings.Contains(found[0].Text, "1 to 1 of 1 that match CAMUNDA") || !strings.HasSuffix(found[0].URL, "/?search=CAMUNDA") {
		t.Errorf("a search gives %s:\n%s", found[0].URL, found[0].Text)
	}
	if !strings.Contains(found[1].Text, "No target matches nothing.") {
		t.Errorf("a search for nothing gives:\n%s", found[1].Text)
	}
	if !strings.Contains(found[2].Text, "Scaled up from 2 to 3") || len(found[2].Lines) != len(after[1].Lines) {
		t.Errorf("without JavaScript there is:\n%s", found[2].Text)
	}

	// What it says when nothing can be decided.
	target.set("")
	s.awaitReason(t, len(s.decisions(t)), "no_data")
	look(t, browser, "no-data", home, own, "the query returned no data", "With data, it scales up at 150 or more")
	for _, path := range []string{"/targets/other", "/targets/"} {
		v := page.Visit{URL: home + path, Width: 360, Height: 640}
		lost, err := browser.Visit(t.Context(), v)
		if err != nil {
			t.Fatal(err)
		}
		lost[0].Faults = nil // the console calls the status an error
		for _, problem := range v.Problems(lost[0]) {
			t.Error(problem)
		}
		if !strings.Contains(lost[0].Text, "No such target") {
			t.Errorf("%s says:\n%s", path, lost[0].Text)
		}
	}
}

// look opens both pages in every way, and wants that the second says what is
// wanted. It returns what was seen of the table and of the target on a large
// screen.
func look(t *testing.T, browser *page.Browser, name, home, own string, wants ...string) []page.Sight {
	t.Helper()
	visits, tables := browser.SeeEachWay(t, name+"-table", home+"/")
	for i, sight := range tables {
		visits[i].Want(t, sight, "camunda-deployment")
	}
	visits, targets := browser.SeeEachWay(t, name+"-target", own)
	for i, sight := range targets {
		v := visits[i]
		v.Want(t, sight, wants...)
		if len(sight.Lines) != 6 {
			t.Errorf("%s, %d pixels wide: %d lines are drawn, want 6", name, v.Width, len(sight.Lines))
		}
		for _, l := range sight.Lines {
			if l.Name == "replicas" && l.Width < float64(v.Width)/50 {
				t.Errorf("%s, %d pixels wide: the replicas are drawn over %v pixels", name, v.Width, l.Width)
			}
		}
	}
	return []page.Sight{tables[0], targets[0]}
}
