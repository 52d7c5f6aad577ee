package scaler

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/tests/page"
)

// The scaler's pages in a real browser, before and after a step: they say what
// the scaler does, on a large screen and on a phone, light and dark, to the eye,
// to the keyboard and to assistive technology, and load nothing from elsewhere.
// PICTURES names a folder for what was seen.
func TestPages(t *testing.T) {
	t.Parallel()
	browser, missing, err := page.NewBrowser(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if missing != "" {
		t.Skipf("%s is not installed", missing)
	}
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
	found := visit(t, browser,
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
		lost := visit(t, browser, page.Visit{URL: home + path, Width: 360, Height: 640})
		if !strings.Contains(lost[0].Text, "No such target") {
			t.Errorf("%s says:\n%s", path, lost[0].Text)
		}
	}
}

// look opens both pages in every way, and wants that the second says what is
// wanted.
func look(t *testing.T, browser *page.Browser, name, home, own string, wants ...string) []page.Sight {
	t.Helper()
	var visits []page.Visit
	for _, width := range []int{1280, 360} {
		for _, dark := range []bool{false, true} {
			for i, url := range []string{home + "/", own} {
				v := page.Visit{URL: url, Width: width, Height: 800, Dark: dark, Scripts: true, Tall: true}
				if dir := os.Getenv("PICTURES"); dir != "" {
					v.Picture = filepath.Join(dir, fmt.Sprintf("%s-%s-%d-%s.png", name, []string{"table", "target"}[i], width, map[bool]string{true: "dark", false: "light"}[dark]))
				}
				visits = append(visits, v)
			}
		}
	}
	seen := visit(t, browser, visits...)
	backgrounds := map[bool]string{}
	for i, sight := range seen {
		v := visits[i]
		at := fmt.Sprintf("%s, %s, %d pixels wide, dark: %v", name, v.URL, v.Width, v.Dark)
		if v.URL == own {
			for _, want := range wants {
				if !strings.Contains(strings.Join(strings.Fields(sight.Text), " "), want) {
					t.Errorf("%s: no %q in\n%s", at, want, sight.Text)
				}
			}
			if len(sight.Lines) != 6 {
				t.Errorf("%s: %d lines are drawn, want 6", at, len(sight.Lines))
			}
			for _, l := range sight.Lines {
				if l.Name == "replicas" && l.Width < float64(v.Width)/50 {
					t.Errorf("%s: the replicas are drawn over %v pixels", at, l.Width)
				}
			}
		} else if !strings.Contains(sight.Text, "camunda-deployment") {
			t.Errorf("%s: the table is\n%s", at, sight.Text)
		}
		if backgrounds[v.Dark] == "" {
			backgrounds[v.Dark] = sight.Background
		}
	}
	if backgrounds[true] == backgrounds[false] {
		t.Errorf("%s: light and dark are both on %s", name, backgrounds[true])
	}
	return seen
}

// visit opens pages, and wants that nothing goes wrong there.
func visit(t *testing.T, browser *page.Browser, visits ...page.Visit) []page.Sight {
	t.Helper()
	seen, err := browser.Visit(t.Context(), visits...)
	if err != nil {
		t.Fatal(err)
	}
	for i, sight := range seen {
		if strings.Contains(sight.Text, "No such target") { // which the console calls an error
			sight.Faults = nil
		}
		for _, problem := range visits[i].Problems(sight) {
			t.Error(problem)
		}
	}
	return seen
}
