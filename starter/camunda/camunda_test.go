package camunda_test

import (
	"context"
	"encoding/xml"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/log"

	"github.com/camunda-autoscaler/camunda-autoscaler/starter/camunda"
)

func client(t *testing.T, api string) *camunda.Client {
	t.Helper()
	u, err := camunda.ParseHost(api)
	if err != nil {
		t.Fatal(err)
	}
	c, err := camunda.New(u, write(t, "basic_auth: {username: demo, password: secret}\n"), log.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "engine.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// The answers are those of a real 7.24, shortened.
const (
	deployedAnswer  = `{"id":"85a3","name":"x","deployedProcessDefinitions":{"camunda-process-starter:1:85be":{"version":1}}}`
	duplicateAnswer = `{"id":"85a3","name":"x","deployedProcessDefinitions":null}`
	startedAnswer   = `{"links":[],"id":"8619","definitionId":"camunda-process-starter:1:85be","ended":false}`
	unknownAnswer   = `{"type":"RestException","message":"No matching process definition with key: camunda-process-starter and no tenant-id","code":null}`
)

func TestDeploySendsTheProcessAsAFilteredDuplicate(t *testing.T) {
	answer := deployedAnswer
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "demo" || password != "secret" {
			t.Errorf("authenticated as %q with %q", user, password)
		}
		if r.Method != http.MethodPost || r.URL.Path != "/engine-rest/deployment/create" {
			t.Errorf("got %s %s", r.Method, r.URL.Path)
		}
		for field, want := range map[string]string{
			"deployment-name": camunda.ProcessKey, "enable-duplicate-filtering": "true", "deploy-changed-only": "true",
		} {
			if got := r.FormValue(field); got != want {
				t.Errorf("%s is %q, want %q", field, got, want)
			}
		}
		f, header, err := r.FormFile("process.bpmn")
		if err != nil || header.Filename != "process.bpmn" {
			t.Fatalf("no file process.bpmn: %v", err)
		}
		var definitions struct {
			Process struct {
				ID  string `xml:"id,attr"`
				TTL string `xml:"http://camunda.org/schema/1.0/bpmn historyTimeToLive,attr"`
			} `xml:"process"`
		}
		if err := xml.NewDecoder(f).Decode(&definitions); err != nil {
			t.Error(err)
		}
		if definitions.Process.ID != camunda.ProcessKey || definitions.Process.TTL == "" {
			t.Errorf("process %+v, want the key %s and a time to live", definitions.Process, camunda.ProcessKey)
		}
		io.WriteString(w, answer)
	}))
	defer server.Close()
	for _, c := range []struct {
		answer string
		made   bool
	}{{deployedAnswer, true}, {duplicateAnswer, false}} {
		answer = c.answer
		made, err := client(t, server.URL).Deploy(t.Context())
		if err != nil || made != c.made {
			t.Errorf("Deploy returned %t, %v, want %t", made, err, c.made)
		}
	}
}

func TestEveryFailureHasItsCause(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		cause  camunda.Cause
		text   string
	}{
		"process unknown":  {404, unknownAnswer, camunda.NotDeployed, "No matching process definition"},
		"wrong context":    {404, `<!doctype html><html>Not Found</html>`, camunda.Refused, "no REST API at this address"},
		"wrong path":       {404, `{"type":"NotFoundException","message":"HTTP 404 Not Found"}`, camunda.Refused, "HTTP 404 Not Found"},
		"unknown engine":   {400, `{"type":"InvalidRequestException","message":"No process engine available"}`, camunda.Refused, "No process engine available"},
		"wrong password":   {401, ``, camunda.Unauthorized, "401"},
		"no permission":    {403, `{"type":"AuthorizationException","message":"no CREATE"}`, camunda.Forbidden, "no CREATE"},
		"database down":    {500, `{"type":"ProcessEngineException","message":"no connection"}`, camunda.EngineError, "no connection"},
		"proxy's error":    {502, `Bad Gateway`, camunda.EngineError, "502"},
		"not JSON":         {200, `<html>login</html>`, camunda.BadAnswer, "login"},
		"without an id":    {200, `{}`, camunda.BadAnswer, "no id"},
		"wrong type of id": {200, `{"id":7}`, camunda.BadAnswer, "read the answer"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			}))
			defer server.Close()
			_, deployErr := client(t, server.URL).Deploy(t.Context())
			for _, err := range []error{client(t, server.URL).Start(t.Context()), deployErr} {
				if camunda.CauseOf(err) != c.cause || !strings.Contains(err.Error(), c.text) {
					t.Errorf("got cause %s of %q, want %s and %q", camunda.CauseOf(err), err, c.cause, c.text)
				}
			}
		})
	}
}

// A start that got no answer may have happened, so it must not be sent twice.
func TestAStartIsSentOnce(t *testing.T) {
	var requests atomic.Int32
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		switch requests.Add(1) {
		case 1: // answered, so that the connection is used again, which tempts a client to retry
			io.WriteString(w, startedAnswer)
		case 2: // closed without an answer
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			conn.Close()
		default: // no answer in time
			<-release
		}
	}))
	defer server.Close()
	defer close(release)
	c := client(t, server.URL)
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); camunda.CauseOf(err) != camunda.Connection {
		t.Errorf("connection closed: cause %s of %v", camunda.CauseOf(err), err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Start(ctx); camunda.CauseOf(err) != camunda.Timeout {
		t.Errorf("without an answer: cause %s of %v", camunda.CauseOf(err), err)
	}
	if n := requests.Load(); n != 3 {
		t.Errorf("3 starts made %d requests", n)
	}
}

// A wrong password is not sent with every start, or the engine would lock the
// user for good.
func TestRefusedCredentialsAreNotRepeated(t *testing.T) {
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer server.Close()
	c := client(t, server.URL)
	for range 100 {
		if err := c.Start(t.Context()); camunda.CauseOf(err) != camunda.Unauthorized {
			t.Errorf("cause %s of %v", camunda.CauseOf(err), err)
		}
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests with refused credentials", n)
	}
}

func TestEngineIsNotThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := client(t, l.Addr().String()).Start(t.Context()); camunda.CauseOf(err) != camunda.Connection {
		t.Errorf("cause %s of %v", camunda.CauseOf(err), err)
	}
}

func TestParseHost(t *testing.T) {
	for in, want := range map[string]string{
		"camunda-service:8080":                     "http://camunda-service:8080/engine-rest",
		"localhost":                                "http://localhost/engine-rest",
		"http://camunda:8080":                      "http://camunda:8080/engine-rest",
		"https://camunda/":                         "https://camunda/engine-rest",
		"http://camunda:8080/engine-rest":          "http://camunda:8080/engine-rest",
		"http://camunda/rest/engine/second":        "http://camunda/rest/engine/second",
		"http://[::1]:8080":                        "http://[::1]:8080/engine-rest",
		"http://camunda-service:8080/engine-rest/": "http://camunda-service:8080/engine-rest/",
	} {
		if got, err := camunda.ParseHost(in); err != nil || got.String() != want {
			t.Errorf("%q: got %v, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", ":8080", "ftp://camunda", "http://", "http://a:b:c", "camunda:port", "http://camunda/?x=1", "http://user:secret@camunda"} {
		got, err := camunda.ParseHost(in)
		if err == nil {
			t.Errorf("%q was accepted as %s", in, got)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error shows the password: %v", in, err)
		}
	}
}

func TestBadAuthConfig(t *testing.T) {
	_, err := camunda.New(&url.URL{}, write(t, "tls_config: {ca_file: /nowhere/ca.pem}\n"), log.NewNopLogger())
	if err == nil || !strings.Contains(err.Error(), "/nowhere/ca.pem") {
		t.Errorf("got %v, want an error that names the file", err)
	}
}
