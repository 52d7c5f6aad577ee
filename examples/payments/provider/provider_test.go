package provider

import (
	"context"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

const body = `{"customer_id":1,"value":340.45,"currency":"USD"}`

func newProvider(c Config, seed uint64) *Provider { return New(c, rand.New(rand.NewPCG(seed, 0))) }

func post(t *testing.T, url, body string) (status int, answer string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, strings.TrimSpace(string(text)), err
}

func answers(p *Provider, n int) (all string) {
	for range n {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/pay", strings.NewReader(body)))
		switch strings.TrimSpace(w.Body.String()) {
		case `{"result":true}`:
			all += "1"
		case `{"result":false}`:
			all += "0"
		default:
			all += "?"
		}
	}
	return all
}

// The seed is random: more than 5.5 standard deviations off is less than one run in a
// million.
func TestSuccessRate(t *testing.T) {
	for _, rate := range []float64{0, 0.1, 0.5, 1} {
		const n = 4000
		got := strings.Count(answers(newProvider(Config{SuccessRate: rate}, rand.Uint64()), n), "1")
		if off, sigma := math.Abs(float64(got)-n*rate), math.Sqrt(n*rate*(1-rate)); off > 5.5*sigma {
			t.Errorf("rate %v: %d of %d are accepted", rate, got, n)
		}
	}
}

func TestSeedRepeatsTheAnswers(t *testing.T) {
	a := answers(newProvider(Config{SuccessRate: 0.5}, 7), 64)
	if b := answers(newProvider(Config{SuccessRate: 0.5}, 7), 64); a != b || strings.Contains(a, "?") {
		t.Errorf("the same seed answers %s and %s", a, b)
	}
	if b := answers(newProvider(Config{SuccessRate: 0.5}, 8), 64); a == b {
		t.Errorf("another seed answers the same: %s", a)
	}
	// Those that do not fail are answered as they would be otherwise.
	some := answers(newProvider(Config{SuccessRate: 0.5, Failure: Error, FailureRate: 0.3}, 7), 64)
	if !strings.Contains(some, "?") {
		t.Error("none fails")
	}
	for i := range a {
		if some[i] != '?' && some[i] != a[i] {
			t.Fatalf("failures change the answers:\n%s\n%s", a, some)
		}
	}
}

func TestFailures(t *testing.T) {
	for _, test := range []struct {
		failure Failure
		status  int // 0: the connection ends without an answer
		answer  string
		counted string
	}{
		{None, http.StatusOK, `{"result":true}`, "accepted"},
		{Refuse, http.StatusOK, `{"result": false}`, "refused"},
		{Error, http.StatusInternalServerError, "the provider fails, as it was told to", "failed"},
		{Malformed, http.StatusOK, `{"result": tru`, "failed"},
		{Reset, 0, "", "failed"},
		{Lost, 0, "", "accepted"},
	} {
		t.Run(string(test.failure), func(t *testing.T) {
			p := newProvider(Config{SuccessRate: 1, Failure: test.failure, FailureRate: 1}, 1)
			done := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(done)
				p.ServeHTTP(w, r)
			}))
			defer server.Close()
			status, answer, err := post(t, server.URL+"/api/v1/charge", body)
			if status != test.status || answer != test.answer || (err != nil) != (test.status == 0) {
				t.Errorf("status %d, answer %q, error %v", status, answer, err)
			}
			<-done
			if n := testutil.ToFloat64(p.metrics.requests.WithLabelValues(test.counted)); n != 1 {
				t.Errorf("%v requests are counted as %s", n, test.counted)
			}
			if n := testutil.ToFloat64(p.metrics.inFlight); n != 0 {
				t.Errorf("%v requests are in flight", n)
			}
		})
	}
}

func TestBadRequests(t *testing.T) {
	for name, test := range map[string]struct {
		body   string
		status int
		want   string
	}{
		"no JSON":         {"customer 1", http.StatusBadRequest, "invalid character"},
		"nothing":         {"", http.StatusBadRequest, "unexpected end"},
		"no customer":     {`{"value":1,"currency":"USD"}`, http.StatusBadRequest, `"customer_id" has to be a positive number`},
		"negative value":  {`{"customer_id":1,"value":-1,"currency":"USD"}`, http.StatusBadRequest, `"value" has to be a positive number`},
		"no currency":     {`{"customer_id":1,"value":1}`, http.StatusBadRequest, `"currency" has to be a code`},
		"enum as object":  {`{"customer_id":1,"value":1,"currency":{"name":"USD"}}`, http.StatusBadRequest, "currency"},
		"more than there": {strings.Repeat(" ", maxBody) + body, http.StatusRequestEntityTooLarge, "more than 4096 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(Config{SuccessRate: 1}, 1)
			server := httptest.NewServer(p)
			defer server.Close()
			status, answer, err := post(t, server.URL, test.body)
			if err != nil || status != test.status || !strings.Contains(answer, test.want) {
				t.Errorf("status %d, answer %q, %v", status, answer, err)
			}
			if n := testutil.ToFloat64(p.metrics.requests.WithLabelValues("invalid")); n != 1 {
				t.Errorf("%v invalid requests are counted", n)
			}
		})
	}
	w := httptest.NewRecorder()
	newProvider(Config{}, 1).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != http.MethodPost {
		t.Errorf("GET is answered with %d, %v", w.Code, w.Header())
	}
}

// A provider that hangs holds the request until the caller gives up, and shows it
// in flight meanwhile.
func TestHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(Config{SuccessRate: 1, Failure: Hang, FailureRate: 1}, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		w := httptest.NewRecorder()
		go p.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader(body)))
		time.Sleep(time.Hour - time.Second)
		synctest.Wait()
		if n := testutil.ToFloat64(p.metrics.inFlight); n != 1 || w.Body.Len() > 0 {
			t.Errorf("%v requests are in flight, answer %q", n, w.Body)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := testutil.ToFloat64(p.metrics.requests.WithLabelValues("failed")); n != 1 || testutil.ToFloat64(p.metrics.inFlight) != 0 {
			t.Errorf("%v requests failed", n)
		}
	})
}

// Beyond its capacity, charges wait: that is what the scaler sees in flight.
func TestCapacity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(Config{SuccessRate: 1, Latency: time.Second, Capacity: 2}, 1)
		start := time.Now()
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				p.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)))
			})
		}
		synctest.Wait()
		if n := testutil.ToFloat64(p.metrics.inFlight); n != 6 {
			t.Errorf("%v requests are in flight, want 6", n)
		}
		all.Wait()
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("6 charges of 1 s, 2 at once, took %s", took)
		}
	})
}

func TestConfigIsChecked(t *testing.T) {
	for want, c := range map[string]Config{
		"success rate has to be from 0 to 1, not 1.5": {SuccessRate: 1.5},
		"failure rate has to be from 0 to 1, not -1":  {FailureRate: -1},
		"not NaN":       {SuccessRate: math.NaN()},
		"0s or more":    {Latency: -1},
		"0 (any number": {Capacity: -1},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
	if err := (Config{SuccessRate: 0.5, FailureRate: 1}).Validate(); err != nil {
		t.Error(err)
	}
}

// Metrics follow the conventions, and all results are there from the start: a rate
// of failures is 0, not unknown, before the first.
func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	newProvider(Config{}, 1).Register(registry)
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	if n, err := testutil.GatherAndCount(registry, "payments_requests_total"); n != 4 || err != nil {
		t.Errorf("%d results, %v", n, err)
	}
}
