package camunda_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
	httpclient "github.com/camunda-autoscaler/camunda-autoscaler/service/client"
)

// inProcess answers requests without a network, as synctest wants it.
type inProcess struct{ http.HandlerFunc }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

// Refused credentials hold back every request, and are distinguished from an
// engine that does not answer.
func TestRefusedCredentialsHoldBackEverything(t *testing.T) {
	var requests atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer s.Close()
	file := write(t, "basic_auth: {username: u, password: wrong}\n")
	c, _ := clientWith(t, must(url.Parse(s.URL)), "", must(httpclient.New(file, "test", log.NewNopLogger())))
	for range 10 {
		_, err := c.CountHistory(t.Context(), camunda.HistoryCount, query)
		_, other := c.RootStarts(t.Context())
		for _, err := range []error{err, other} {
			if cause, _ := camunda.CauseOf(err); cause != camunda.Unauthorized {
				t.Errorf("got %v, want it unauthorized", err)
			}
		}
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests with refused credentials", n)
	}
}

// Repeating a request does not grant a permission: the pause grows to 5 minutes.
func TestForbiddenPauseGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var attempts []time.Duration
		begin, status := time.Now(), http.StatusForbidden
		c := camunda.NewClient(must(url.Parse("http://camunda/engine-rest")), "", &http.Client{Transport: inProcess{
			func(w http.ResponseWriter, _ *http.Request) {
				attempts = append(attempts, time.Since(begin))
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				w.Write([]byte(`{"count":3}`))
			},
		}}, camunda.NewMetrics(prometheus.NewRegistry()))
		ask := func() error { _, err := c.CountHistory(t.Context(), camunda.HistoryCount, query); return err }
		for range 1200 { // every second for twenty minutes
			if cause, _ := camunda.CauseOf(ask()); cause != camunda.Forbidden {
				t.Fatalf("cause %q, want it forbidden all the while", cause)
			}
			time.Sleep(time.Second)
		}
		var want []time.Duration
		for _, s := range []int{0, 30, 90, 210, 450, 750, 1050} {
			want = append(want, time.Duration(s)*time.Second)
		}
		if !slices.Equal(attempts, want) {
			t.Errorf("attempts at %v, want %v", attempts, want)
		}
		if err := ask(); !strings.Contains(err.Error(), "not sent before") {
			t.Errorf("error is %q, want it to tell that nothing was sent", err)
		}
		status = http.StatusOK
		time.Sleep(5 * time.Minute)
		if err := ask(); err != nil {
			t.Fatalf("still refused: %v", err)
		}
		status = http.StatusForbidden
		ask()
		time.Sleep(30 * time.Second)
		status = http.StatusOK
		if err := ask(); err != nil {
			t.Errorf("the pause after a success is longer than the first one: %v", err)
		}
	})
}

func TestForbiddenHoldsBackOnlyItsEndpoint(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(r.URL.Path, "metrics") {
			w.WriteHeader(http.StatusForbidden)
		}
		w.Write([]byte(`{"count":3}`))
	}))
	defer s.Close()
	c, _ := client(t, s.URL, "")
	for range 2 {
		if _, err := c.RootStarts(t.Context()); err == nil {
			t.Error("a 403 is no error")
		}
		if n, err := c.CountHistory(t.Context(), camunda.HistoryCount, query); n != 3 || err != nil {
			t.Errorf("got %d, %v: held back by another endpoint's 403", n, err)
		}
	}
}

// A password that changes on disk is used for the next request, without a
// restart.
func TestPasswordFileIsReadAgain(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "right" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"result":3}`))
	}))
	defer s.Close()
	password := write(t, "right\n")
	file := write(t, "basic_auth:\n  username: u\n  password_file: "+password+"\n")
	c, _ := clientWith(t, must(url.Parse(s.URL)), "", must(httpclient.New(file, "test", log.NewNopLogger())))
	if _, err := c.RootStarts(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		text  string
		cause camunda.Cause
	}{{"wrong", camunda.Unauthorized}, {"", camunda.Credentials}, {"right", ""}} {
		if step.text == "" {
			os.Remove(password)
		} else if err := os.WriteFile(password, []byte(step.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := c.RootStarts(t.Context())
		if cause, _ := camunda.CauseOf(err); cause != step.cause {
			t.Errorf("password %q: %v, want cause %q", step.text, err, step.cause)
		}
	}
}

// Requests in flight when one was refused do not lengthen the pause.
func TestRefusalsAtOnceCountOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		c := camunda.NewClient(must(url.Parse("http://camunda/engine-rest")), "", &http.Client{Transport: inProcess{
			func(w http.ResponseWriter, _ *http.Request) {
				time.Sleep(time.Duration(asked.Add(1)) * time.Millisecond)
				w.WriteHeader(http.StatusForbidden)
			},
		}}, camunda.NewMetrics(prometheus.NewRegistry()))
		ask := func() { c.CountUserTasks(t.Context(), false, nil) }
		for range 4 {
			go ask()
		}
		time.Sleep(31 * time.Second)
		if asked.Load() != 4 {
			t.Fatalf("%d requests at once", asked.Load())
		}
		ask()
		if asked.Load() != 5 {
			t.Error("the pause is longer than after one refusal")
		}
	})
}

// hanging answers when the test tells it to, in this process.
type hanging struct {
	requests atomic.Int64
	answer   chan error // nil: a count
}

// errorPage is an answer that is no count.
type errorPage struct {
	contentType string
	status      int
}

func (errorPage) Error() string { return "an error page" }

func (h *hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	h.requests.Add(1)
	select {
	case err := <-h.answer:
		w := httptest.NewRecorder()
		var page errorPage
		switch {
		case errors.As(err, &page):
			w.Header().Set("Content-Type", page.contentType)
			w.WriteHeader(page.status)
			return w.Result(), nil
		case err != nil:
			return nil, err
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteString(`{"count":3}`)
		return w.Result(), nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// A query that is no longer awaited stays in the engine's database and takes one
// of the engine's connections: there is at most one. As soon as it is answered,
// requests are sent again.
func TestUnansweredRequestIsNotRepeated(t *testing.T) {
	const s = time.Second
	for name, test := range map[string]struct {
		end   error // of the first request; nil: a late answer
		after time.Duration
		again time.Duration // when the endpoint gets another request
	}{
		"answered late":         {nil, 62 * s, 62 * s},
		"answered soon":         {nil, 12 * s, 12 * s},
		"the connection breaks": {syscall.ECONNRESET, 20 * s, 20 * s},
		"its database fails":    {errorPage{"application/json", 500}, 30 * s, 30 * s},
		"a proxy gives up":      {errorPage{"text/html", 504}, 20 * s, 60 * s},
		"never answered":        {nil, time.Hour, 600 * s},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				engine := &hanging{answer: make(chan error, 1)}
				c := camunda.NewClient(must(url.Parse("http://camunda/engine-rest")), "", &http.Client{Transport: engine}, camunda.NewMetrics(prometheus.NewRegistry()))
				begin := time.Now()
				go func() {
					time.Sleep(test.after)
					engine.answer <- test.end
				}()
				for engine.requests.Load() < 2 { // asked every second, by a scrape with little time
					ctx, cancel := context.WithTimeout(t.Context(), s/2)
					sent := time.Now()
					_, err := c.CountHistory(ctx, camunda.HistoryCount, query)
					cancel()
					if cause, _ := camunda.CauseOf(err); cause != camunda.Timeout {
						t.Fatalf("after %s: %v, want a timeout", time.Since(begin), err)
					}
					if took := time.Since(sent); engine.requests.Load() == 1 && sent != begin && took > s/2 {
						t.Fatalf("a request that is not sent took %s", took)
					}
					if _, err := c.RootStarts(ctx); err == nil {
						t.Error("an ended context gave an answer")
					}
					time.Sleep(s - time.Since(sent))
				}
				defer time.Sleep(time.Hour) // until what is unanswered was given up
				if at := time.Since(begin) - s; (at - test.again).Abs() > s {
					t.Errorf("another request after %s, want %s", at, test.again)
				}
			})
		})
	}
}

// A scraper that leaves early does not cost the next one its answer.
func TestNextRequestWaitsForAnAnswerThatIsDueSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := &hanging{answer: make(chan error, 2)}
		c := camunda.NewClient(must(url.Parse("http://camunda/engine-rest")), "", &http.Client{Transport: engine}, camunda.NewMetrics(prometheus.NewRegistry()))
		brief, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if _, err := c.CountHistory(brief, camunda.HistoryCount, query); err == nil {
			t.Error("got an answer")
		}
		time.AfterFunc(300*time.Millisecond, func() { engine.answer <- nil; engine.answer <- nil })
		begin := time.Now()
		if n, err := c.CountHistory(t.Context(), camunda.HistoryCount, query); n != 3 || err != nil || time.Since(begin) != 300*time.Millisecond {
			t.Errorf("got %d after %s, %v", n, time.Since(begin), err)
		}
	})
}

// One endpoint that hangs does not hold up the others.
func TestUnansweredRequestHoldsBackOnlyItsEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := &hanging{answer: make(chan error, 1)}
		c := camunda.NewClient(must(url.Parse("http://camunda/engine-rest")), "", &http.Client{Transport: engine}, camunda.NewMetrics(prometheus.NewRegistry()))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.CountHistory(ctx, camunda.HistoryRecount, query); err == nil {
			t.Error("got an answer")
		}
		go func() {
			time.Sleep(time.Second)
			engine.answer <- nil
			engine.answer <- nil
		}()
		if n, err := c.CountHistory(t.Context(), camunda.HistoryCount, query); n != 3 || err != nil {
			t.Errorf("got %d, %v", n, err)
		}
	})
}
