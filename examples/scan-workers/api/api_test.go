package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-kit/log"
)

// Bad input is refused with a reason. Without a broker nothing is accepted, and the API is not ready.
func TestWithoutBroker(t *testing.T) {
	a := &API{Log: log.NewNopLogger()}
	for _, test := range []struct {
		name, method, path, body string
		status                   int
		want                     string
	}{
		{"not ready", "GET", "/-/ready", "", 503, "not connected to the broker"},
		{"alive", "GET", "/-/healthy", "", 200, ""},
		{"no results", "GET", "/results", "", 200, "[]"},
		{"a job", "POST", "/scans", `{"repository": "team/a", "commit": "c0ffee", "seconds": 5}`, 503, "the broker is not reachable"},
		{"no JSON", "POST", "/scans", "scan it", 400, "the body has to be a job as JSON"},
		{"no commit", "POST", "/scans", `{"repository": "team/a"}`, 400, "a job has a repository, a commit"},
		{"a misspelt key", "POST", "/scans", `{"repositry": "team/a"}`, 400, "repositry"},
		{"a negative time", "POST", "/scans", `{"repository": "a", "commit": "c", "seconds": -1}`, 400, "seconds of 0 or more"},
		{"an id", "POST", "/scans", `{"repository": "a", "commit": "c", "id": "mine"}`, 400, "the API gives it an id"},
		{"too long", "POST", "/scans", `{"repository": "` + strings.Repeat("a", 70000) + `"}`, 400, "too large"},
		{"another method", "GET", "/scans", "", 405, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			a.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), test.method, test.path, strings.NewReader(test.body)))
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.want) {
				t.Errorf("%d %s; want %d %s", w.Code, w.Body, test.status, test.want)
			}
			if w.Code == http.StatusOK && test.want == "[]" && strings.TrimSpace(w.Body.String()) != "[]" {
				t.Errorf("the body is %q", w.Body)
			}
		})
	}
}
