package page

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A browser that finds no faults has to be one that would have found them.
func TestFaultsAreSeen(t *testing.T) {
	b := Open(t)
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	defer elsewhere.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!DOCTYPE html><html lang="en"><head><title>Faults</title></head><body>
			<main><h1>Faults</h1><p><a href="/x" style="outline: none">A link</a> <a href="/y" tabindex="-1">Another</a></p>
			<p style="color: #aaa; background: #fff">Hardly seen</p><div style="width: 500px">Wide</div>
			<table><tr><td style="max-width: 3em; overflow: hidden">Unpronounceable</td></tr></table>
			<img src="%s/x.png" width="9" height="9"></main><script>throw new Error("a fault")</script></body></html>`, elsewhere.URL)
	}))
	defer server.Close()
	v := Visit{URL: server.URL, Width: 360, Height: 600, Scripts: true}
	seen, err := b.Visit(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	got := seen[0]
	all := strings.Join(got.Violations, "\n")
	for _, rule := range []string{"color-contrast", "image-alt"} {
		if !strings.Contains(all, rule) {
			t.Errorf("axe does not find %s in\n%s", rule, all)
		}
	}
	faults := strings.Join(got.Faults, "\n")
	for _, want := range []string{"a fault", "/x.png", "no outline around A link"} {
		if !strings.Contains(faults, want) {
			t.Errorf("no %q in the faults\n%s", want, faults)
		}
	}
	problems := strings.Join(v.Problems(got), "\n")
	for _, want := range []string{"it loads " + elsewhere.URL, "in the console", "axe: color-contrast", "the Tab key reaches 1 of 2", "wider than the screen", "cut off is"} {
		if !strings.Contains(problems, want) {
			t.Errorf("no %q in the problems\n%s", want, problems)
		}
	}
	if got := v.Problems(Sight{Requests: []string{server.URL + "/"}, Focusable: 2, Reached: 2}); len(got) > 0 {
		t.Errorf("a page without problems has %q", got)
	}
	switch {
	case len(got.Requests) != 2 || !strings.HasPrefix(got.Requests[1], elsewhere.URL):
		t.Errorf("the requests are %q", got.Requests)
	case got.Wide <= 0:
		t.Error("it does not see that the page is too wide")
	case got.Reached != got.Focusable-1:
		t.Errorf("the Tab key reaches %d of %d", got.Reached, got.Focusable)
	case len(got.Cut) != 1 || got.Cut[0] != "Unpronounceable":
		t.Errorf("cut off is %q", got.Cut)
	}
}
