package web_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	toolkit "github.com/prometheus/exporter-toolkit/web"

	"github.com/camunda-autoscaler/camunda-autoscaler/service/web"
)

// What comes from outside is text on the page, and the browser is told to run
// and load nothing.
func TestPageIsSafe(t *testing.T) {
	mux, err := web.NewMux(web.Page{
		Name: "camunda-exporter", Description: "Exports <b>", Version: "1.2.3",
		Links: []toolkit.LandingLinks{{Address: "/rate", Text: "Rate", Description: "GET it"}},
		State: func() []web.Detail {
			return []web.Detail{
				{Name: "Engine", Value: `<script>alert("x")</script>`, Note: "do </small><img src=x>", Bad: true},
				{Name: "Window", Value: "42"},
			}
		},
	}, "/engine/metrics", http.NotFoundHandler(), func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	body := w.Body.String()
	for _, want := range []string{
		"<title>camunda-exporter</title>", "Exports &lt;b&gt;", "Version 1.2.3", `<a href="engine/metrics">Metrics</a>`, `<a href="rate">Rate</a>: GET it`,
		"<strong>&lt;script&gt;alert(", "do &lt;/small&gt;&lt;img src=x&gt;", "<td>42</td>",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
	if strings.Contains(body, "<script") || strings.Contains(body, "<img") || strings.Contains(body, "ZgotmplZ") {
		t.Errorf("the page is\n%s", body)
	}
	_, style, _ := strings.Cut(body, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	hash := sha256.Sum256([]byte(style))
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+"';") {
		t.Errorf("the policy %s does not allow the page's style alone", policy)
	}
}
