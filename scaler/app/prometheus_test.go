package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promapi"
)

// recorder is a Prometheus that keeps what it was sent.
type recorder struct {
	mu       sync.Mutex
	requests []*http.Request
}

func (s *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = r.ParseForm()
	s.requests = append(s.requests, r)
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"7"]}]}}`)
}

// Credentials, headers and query parameters stay with the server that the
// configuration names: a redirect to another is an error that says what to set.
// One that stays at the server is followed unless follow_redirects is false.
func TestRedirects(t *testing.T) {
	const secret = "s3cret"
	prometheus := &recorder{}
	plain, overTLS := httptest.NewServer(prometheus), httptest.NewTLSServer(prometheus)
	defer plain.Close()
	defer overTLS.Close()
	for _, c := range []struct {
		name   string
		status int
		to     string // "" for the redirecting server itself
		follow bool
		err    string // "" if it is followed
	}{
		{"another server", http.StatusTemporaryRedirect, plain.URL, true, "redirects to " + plain.URL + ", and a redirect to another server is not followed: set prometheus.url to it"},
		{"another server, not to be followed", http.StatusTemporaryRedirect, plain.URL, false, "redirects to " + plain.URL},
		{"another server, permanently", http.StatusMovedPermanently, plain.URL, true, "redirects to " + plain.URL},
		{"another host name", http.StatusPermanentRedirect, strings.Replace(plain.URL, "127.0.0.1", "localhost", 1), true, "redirects to http://localhost:"},
		{"the same host by TLS", http.StatusTemporaryRedirect, overTLS.URL, true, ""},
		{"the same server", http.StatusTemporaryRedirect, "", true, ""},
		{"the same server, not to be followed", http.StatusTemporaryRedirect, "", false, "redirects, and follow_redirects is false: set prometheus.url"},
		{"an address that cannot be parsed", http.StatusTemporaryRedirect, "http://[", true, "redirects to an address that cannot be parsed: set prometheus.url"},
		{"a status that drops the query", http.StatusFound, "", true, "with status 302, by which a POST loses its query: set prometheus.url to http://127.0.0.1:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			prometheus.requests = nil
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, "/behind") {
					prometheus.ServeHTTP(w, r)
					return
				}
				// As many do, with all that was in the query.
				w.Header().Set("Location", c.to+"/behind"+r.URL.RequestURI())
				w.WriteHeader(c.status)
			}))
			defer front.Close()
			parsed, err := config.Parse("x.yml", []byte(fmt.Sprintf(`
prometheus:
  url: %s/?url_token=%s
  params: {token: [%s]}
  http_client:
    basic_auth: {username: jo, password_file: %q}
    follow_redirects: %t
    tls_config: {insecure_skip_verify: true}
    http_headers: {Cookie: {values: [%s]}, X-Api-Key: {values: [%s]}}
targets: [{}]`, front.URL, secret, secret, fileWith(t, secret), c.follow, secret, secret)))
			if err != nil {
				t.Fatal(err)
			}
			api, err := Connect(parsed.Prometheus, 0, metrics.New())
			if err != nil {
				t.Fatal(err)
			}
			_, _, _, err = api.Query(t.Context(), "up", time.Now())
			if c.err == "" {
				if err != nil || len(prometheus.requests) != 1 {
					t.Fatalf("got %v and %d requests, want an answer", err, len(prometheus.requests))
				}
				r := prometheus.requests[0]
				if r.Header.Get("X-Api-Key") != secret || r.Header.Get("Cookie") != secret || r.Form.Get("token") != secret || r.Form.Get("query") != "up" {
					t.Errorf("the server got %v with %v", r.Header, r.Form)
				}
				return
			}
			if len(prometheus.requests) > 0 {
				t.Errorf("the other server got %v of %s", prometheus.requests[0].Header, prometheus.requests[0].URL)
			}
			if err == nil || !strings.Contains(err.Error(), c.err) || promapi.CauseOf(err) != promapi.CauseServer || strings.Contains(err.Error(), secret) {
				t.Errorf("got %v (%s), want %q", err, promapi.CauseOf(err), c.err)
			}
		})
	}
}

func fileWith(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
