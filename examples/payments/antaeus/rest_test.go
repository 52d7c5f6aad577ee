package antaeus

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestREST(t *testing.T) {
	b := newBilling(t, 2, 5, coin(), true)
	server := httptest.NewServer(b.Handler(log.NewNopLogger()))
	defer server.Close()
	for _, test := range []struct {
		method, path string
		status       int
		want         string
	}{
		{http.MethodGet, "/rest/health", http.StatusOK, `"ok"`},
		{http.MethodGet, "/rest/v1/invoices/1", http.StatusOK, `"customerId":1`},
		{http.MethodGet, "/rest/v1/invoices/11", http.StatusNotFound, "no invoice"},
		{http.MethodGet, "/rest/v1/invoices/one", http.StatusNotFound, "no invoice"},
		{http.MethodGet, "/rest/v1/customers", http.StatusNotFound, ""},
		{http.MethodPut, "/rest/v1/invoices/pay", http.StatusMethodNotAllowed, ""},
	} {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			if status, answer := call(t, test.method, server.URL+test.path); status != test.status || !strings.Contains(answer, test.want) {
				t.Errorf("%d, %q", status, answer)
			}
		})
	}
	_, text := call(t, http.MethodGet, server.URL+"/rest/v1/invoices")
	var invoices []Invoice
	if err := json.Unmarshal([]byte(text), &invoices); err != nil || len(invoices) != 10 {
		t.Errorf("%v: %s", err, text)
	}
}

func TestClientChecksItsSettings(t *testing.T) {
	for _, endpoint := range []string{"", "payment-provider", "payment-provider:8080", "ftp://payment-provider/"} {
		if _, err := NewClient(endpoint, time.Second); err == nil {
			t.Errorf("the endpoint %q is taken", endpoint)
		}
	}
	if _, err := NewClient("http://payment-provider/", 0); err == nil {
		t.Error("no timeout is taken")
	}
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	answers := []error{nil, nil, errors.New("hung")}
	b := newBilling(t, 2, 5, charger(func(Invoice) (bool, error) {
		err := answers[0]
		answers = answers[1:]
		return len(answers) == 2, err
	}), false)
	b.Register(registry)
	if _, err := b.Pay(t.Context()); err == nil {
		t.Fatal("want an error")
	}
	err := testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP antaeus_charges_total Total number of charges by the provider's answer; unknown if there was none that says whether the customer was charged.
# TYPE antaeus_charges_total counter
antaeus_charges_total{result="accepted"} 1
antaeus_charges_total{result="refused"} 1
antaeus_charges_total{result="unknown"} 1
# HELP antaeus_invoices Number of invoices by status.
# TYPE antaeus_invoices gauge
antaeus_invoices{status="PAID"} 3
antaeus_invoices{status="PENDING"} 7
`))
	if err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}
