package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/common/config"

	"github.com/camunda-autoscaler/camunda-autoscaler/service/client"
)

// engine is a server that accepts one password, in this process and on
// connections in memory, as synctest needs it.
type engine struct {
	mu       sync.Mutex
	password string
	tries    []time.Time // with another password
	latency  time.Duration
	inFlight int
	most     int
}

func (e *engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	e.inFlight++
	e.most = max(e.most, e.inFlight)
	_, password, _ := r.BasicAuth()
	refused := password != e.password
	if refused {
		e.tries = append(e.tries, time.Now())
	}
	e.mu.Unlock()
	time.Sleep(e.latency)
	e.mu.Lock()
	e.inFlight--
	e.mu.Unlock()
	if refused {
		w.WriteHeader(http.StatusUnauthorized)
	}
}

func (e *engine) set(password string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.password = password
}

func (e *engine) seen() (tries []time.Time, most int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tries, e.most
}

// test is a client of an engine, in a bubble.
type test struct {
	*engine
	client *http.Client
	file   string
	out    bytes.Buffer
}

func start(t *testing.T, password, configText string) *test {
	t.Helper()
	e := &engine{password: password}
	conns := make(chan net.Conn)
	server := &http.Server{Handler: e}
	l := listener{conns, make(chan struct{})}
	go server.Serve(l)
	x := &test{engine: e, file: filepath.Join(t.TempDir(), "engine.yml")}
	x.write(t, configText)
	dial := func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		conns <- theirs
		return ours, nil
	}
	var err error
	x.client, err = client.New(x.file, "test/1", log.NewLogfmtLogger(log.NewSyncWriter(&x.out)), config.WithDialContextFunc(dial))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		x.client.CloseIdleConnections()
		server.Close()
	})
	return x
}

func (x *test) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(x.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// get returns the status of an answer, or the error.
func (x *test) get(t *testing.T) (int, error) {
	t.Helper()
	resp, err := x.client.Get("http://engine/")
	if err != nil {
		return 0, err
	}
	resp.Body.Close()
	return resp.StatusCode, nil
}

func basicAuth(password string) string {
	return "basic_auth:\n  username: u\n  password: " + password + "\n"
}

// An engine locks a user for good at the tenth wrong password.
func TestWrongPasswordIsTriedThreeTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := start(t, "right", basicAuth("wrong"))
		begin := time.Now()
		var err error
		for range 24 * 60 * 60 { // asked every second for a day
			_, err = x.get(t)
			time.Sleep(time.Second)
		}
		var at []string
		tries, _ := x.seen()
		for _, try := range tries {
			at = append(at, try.Sub(begin).String())
		}
		if got := strings.Join(at, " "); got != "0s 30s 5m30s" {
			t.Errorf("the password was tried at %s", got)
		}
		var refused *client.RefusedError
		if !errors.As(err, &refused) || refused.Refusals != 3 || !refused.Until.IsZero() || !strings.Contains(err.Error(), "correct the credentials in "+x.file) {
			t.Errorf("the error is %v", err)
		}
		if got := strings.Count(x.out.String(), "\n"); got != 3 || !strings.Contains(x.out.String(), `level=error msg="credentials refused and not tried again" refusals=3`) {
			t.Errorf("log:\n%s", x.out.String())
		}
	})
}

// Corrected credentials are used at once, wherever they stand, without a
// restart.
func TestChangedCredentialsAreTriedAtOnce(t *testing.T) {
	for name, afterRefusals := range map[string]int{"while it waits": 1, "after it stopped": 3} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				password := filepath.Join(t.TempDir(), "password")
				if err := os.WriteFile(password, []byte("wrong"), 0o600); err != nil {
					t.Fatal(err)
				}
				for where, correct := range map[string]func(x *test){
					"password file": func(*test) { os.WriteFile(password, []byte("right"), 0o600) },
					"file":          func(x *test) { x.write(t, basicAuth("right")) },
				} {
					os.WriteFile(password, []byte("wrong"), 0o600)
					x := start(t, "right", "basic_auth:\n  username: u\n  password_file: "+password+"\n")
					for tries := []time.Time(nil); len(tries) < afterRefusals; tries, _ = x.seen() {
						x.get(t)
						time.Sleep(time.Second)
					}
					x.write(t, "basic_auht: {}\n")
					if _, err := x.get(t); err == nil || !strings.Contains(err.Error(), "field basic_auht not found") {
						t.Errorf("%s: a file that cannot be read gives %v", where, err)
					}
					x.write(t, "basic_auth:\n  username: u\n  password_file: "+password+"\n")
					correct(x)
					if status, err := x.get(t); status != 200 || err != nil {
						t.Errorf("%s: status %d, %v", where, status, err)
					}
				}
			})
		})
	}
}

// Without a password no user can be locked, so the client never stops.
func TestWithoutAPasswordItGoesOn(t *testing.T) {
	for name, text := range map[string]string{"no credentials": "follow_redirects: true\n", "a token": "authorization: {credentials: t}\n"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := start(t, "right", text)
				for range 60 * 60 {
					x.get(t)
					time.Sleep(time.Second)
				}
				if tries, _ := x.seen(); len(tries) < 12 || len(tries) > 15 {
					t.Errorf("%d tries in an hour, want one in 5 minutes", len(tries))
				}
			})
		})
	}
}

// Many requests at once are one try of a password that was not accepted yet.
// Once it was, they do not wait for each other.
func TestUnprovenCredentialsAreTriedByOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := start(t, "right", basicAuth("wrong"))
		x.latency = time.Second
		for range 10 {
			go x.get(t)
		}
		time.Sleep(10 * time.Second)
		if tries, _ := x.seen(); len(tries) != 1 {
			t.Errorf("%d tries at once", len(tries))
		}
		x.set("wrong")
		time.Sleep(time.Minute)
		x.get(t)
		for range 5 {
			go x.get(t)
		}
		time.Sleep(10 * time.Second)
		if _, most := x.seen(); most != 5 {
			t.Errorf("%d requests at once with accepted credentials, want 5", most)
		}
	})
}

// A success ends the count: refusals that are years apart lock nobody.
func TestSuccessForgetsRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := start(t, "right", basicAuth("right"))
		for range 10 {
			x.set("other")
			x.get(t)
			x.set("right")
			time.Sleep(time.Hour)
			if status, err := x.get(t); status != 200 || err != nil {
				t.Fatalf("status %d, %v", status, err)
			}
		}
	})
}

// Only an answer tells something about a password: an engine that is down does
// not.
func TestOtherErrorsAreNoRefusals(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	file := filepath.Join(t.TempDir(), "engine.yml")
	if err := os.WriteFile(file, []byte(basicAuth("x")), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(file, "test/1", log.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		var refused *client.RefusedError
		if _, err := c.Get(s.URL); err == nil || errors.As(err, &refused) {
			t.Errorf("got %v", err)
		}
	}
}

// A request that is not sent closes its body, as http.RoundTripper requires.
func TestRefusedRequestClosesItsBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := start(t, "right", basicAuth("wrong"))
		x.get(t)
		body := &closed{Reader: strings.NewReader("x")}
		if _, err := x.client.Post("http://engine/", "text/plain", body); err == nil || !body.closed {
			t.Errorf("error %v, body closed: %t", err, body.closed)
		}
	})
}

type closed struct {
	io.Reader
	closed bool
}

func (c *closed) Close() error { c.closed = true; return nil }

// listener hands out connections in memory.
type listener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l listener) Close() error   { close(l.done); return nil }
func (l listener) Addr() net.Addr { return &net.TCPAddr{} }
