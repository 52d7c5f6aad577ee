package antaeus

import (
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/payments/provider"
)

// No way to fail loses an invoice or pays one that was not accepted: what is not
// known to be paid stays pending, and is paid when the provider works again.
func TestProviderThatFailsLosesNoInvoice(t *testing.T) {
	for _, name := range provider.Failures() {
		if name == "none" || name == "refuse" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			broken := provider.New(provider.Config{SuccessRate: 1, Failure: provider.ParseFailure(name), FailureRate: 1}, rand.New(rand.NewPCG(1, 0)))
			failsThenWorks(t, broken)
		})
	}
	t.Run("no answer of the contract", func(t *testing.T) {
		for name, answer := range map[string]string{
			"no result": `{}`, "a word": `{"result":"true"}`, "a list": `[true]`, "true": `true`, "null": `{"result":null}`,
			"long": `{"result":true` + strings.Repeat(" ", maxAnswer) + `}`,
		} {
			t.Run(name, func(t *testing.T) {
				failsThenWorks(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, answer) }))
			})
		}
	})
	t.Run("a status that is not 200", func(t *testing.T) {
		for _, status := range []int{http.StatusAccepted, http.StatusFound, http.StatusNotFound, http.StatusServiceUnavailable} {
			failsThenWorks(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(status)
				io.WriteString(w, `{"result":true}`)
			}))
		}
	})
	t.Run("dead", func(t *testing.T) { failsThenWorks(t, nil) })
}

// failsThenWorks calls with a provider that fails (nil: that is not there), then with
// one that works.
func failsThenWorks(t *testing.T, broken http.Handler) {
	t.Helper()
	server := httptest.NewServer(broken)
	defer server.Close()
	if broken == nil {
		server.Close()
	}
	b := newBilling(t, 2, 5, newClient(t, server.URL, 100*time.Millisecond), true)
	b.Register(prometheus.NewRegistry())
	api := httptest.NewServer(b.Handler(log.NewNopLogger()))
	defer api.Close()
	status, answer := call(t, http.MethodPost, api.URL+"/rest/v1/invoices/pay")
	if status != http.StatusBadGateway || !strings.Contains(answer, "charge the invoice 2") {
		t.Errorf("the call answers %d, %q", status, answer)
	}
	if n := b.Store.count(Pending); n != 8 {
		t.Errorf("%d invoices are pending, want 8", n)
	}

	works := httptest.NewServer(provider.New(provider.Config{SuccessRate: 1}, rand.New(rand.NewPCG(1, 0))))
	defer works.Close()
	b.Charger = newClient(t, works.URL, 10*time.Second)
	if status, answer := call(t, http.MethodPost, api.URL+"/rest/v1/invoices/pay"); status != http.StatusOK || answer != "true" {
		t.Errorf("with a provider that works the call answers %d, %q", status, answer)
	}
	if n := b.Store.count(Paid); n != 10 {
		t.Errorf("%d invoices are paid, want 10", n)
	}
}

func newClient(t *testing.T, url string, timeout time.Duration) *Client {
	t.Helper()
	c, err := NewClient(url+"/charge", timeout)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func call(t *testing.T, method, url string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, strings.TrimSpace(string(text))
}

// A lost answer is the one case in which the customer pays twice: the charge has no
// invoice in it, so the provider cannot know.
func TestLostAnswerIsChargedAgain(t *testing.T) {
	registry := prometheus.NewRegistry()
	p := provider.New(provider.Config{SuccessRate: 1, Failure: provider.Lost, FailureRate: 0.5}, rand.New(rand.NewPCG(1, 0)))
	p.Register(registry)
	server := httptest.NewServer(p)
	b := newBilling(t, 2, 5, newClient(t, server.URL, 10*time.Second), true)
	for call := 0; b.Store.count(Pending) > 0; call++ {
		if _, err := b.Pay(t.Context()); err != nil && call > 60 {
			t.Fatal(err)
		}
	}
	server.Close()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "payments_requests_total" && m.GetLabel()[0].GetValue() == "accepted" {
				t.Logf("8 invoices were charged %v times", m.GetCounter().GetValue())
				if m.GetCounter().GetValue() <= 8 {
					t.Error("no answer was lost: this test shows nothing")
				}
			}
		}
	}
}
