package antaeus

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"math/rand/v2"
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
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/payments/provider"
)

// charger answers charges without a network.
type charger func(Invoice) (bool, error)

func (c charger) Charge(_ context.Context, i Invoice) (bool, error) { return c(i) }

// coin accepts half of the charges.
func coin() charger {
	random := rand.New(rand.NewPCG(rand.Uint64(), 0))
	return func(Invoice) (bool, error) { return random.IntN(2) == 0, nil }
}

func newBilling(t *testing.T, customers, each int, c Charger, stop bool) *Billing {
	t.Helper()
	store, err := Create(filepath.Join(t.TempDir(), "antaeus.db"), Seed(rand.New(rand.NewPCG(1, 0)), customers, each))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return &Billing{Store: store, Charger: c, StopAtRefusal: stop}
}

func pay(t *testing.T, b *Billing) (all bool) {
	t.Helper()
	all, err := b.Pay(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestStartsWithTwoOfTenPaid(t *testing.T) {
	b := newBilling(t, 2, 5, coin(), true)
	if paid, pending := b.Store.count(Paid), b.Store.count(Pending); paid != 2 || pending != 8 {
		t.Errorf("%d are paid, %d pending", paid, pending)
	}
}

// A call of the original ends at the first refusal: 2 of 10 are paid at the start,
// and with p = 1/2 each further one is half as likely as that before, so that one
// call leaves 2 + 1 - 1/256 = 2.996. The standard deviation of one call is less
// than 1.42, so the mean of 400 is more than 6 of its own off less than once in a
// million runs (its distribution is skewed: 5 would be 3 runs in a million).
func TestOneCallWithEarlyExitPaysAboutThreeOfTen(t *testing.T) {
	const runs = 400
	sum := 0
	for range runs {
		b := newBilling(t, 2, 5, coin(), true)
		pay(t, b)
		sum += b.Store.count(Paid)
	}
	mean := float64(sum) / runs
	t.Logf("after one call, %.2f of 10 are paid on average", mean)
	if math.Abs(mean-2.996) > 6*1.42/math.Sqrt(runs) {
		t.Errorf("after one call, %.2f of 10 are paid on average, want about 3", mean)
	}
}

// Each call that does not pay everything has one refusal, so everything is paid
// after one call more than there were refusals: 9 on average, and more than 60 less
// than once in a million runs.
func TestEverythingIsPaidAfterEnoughCalls(t *testing.T) {
	b := newBilling(t, 2, 5, coin(), true)
	for call := 1; ; call++ {
		before := b.Store.count(Paid)
		all := pay(t, b)
		paid := b.Store.count(Paid)
		if all != (paid == 10) {
			t.Fatalf("the call answers %v with %d of 10 paid", all, paid)
		}
		if paid < before {
			t.Fatalf("paid invoices went from %d to %d", before, paid)
		}
		if all {
			t.Logf("everything is paid after %d calls", call)
			return
		}
		if call > 60 {
			t.Fatalf("%d of 10 are paid after %d calls", paid, call)
		}
	}
}

// Without the early exit, each pending invoice is tried once: a binomial around one
// half, here of 1000. Further than 5 standard deviations off is less than one run in
// a million.
func TestWithoutEarlyExitHalfOfThePendingArePaid(t *testing.T) {
	const customers, each = 250, 5
	b := newBilling(t, customers, each, coin(), false)
	pending := b.Store.count(Pending)
	if pay(t, b) {
		t.Error("the call answers that everything is paid")
	}
	paid := pending - b.Store.count(Pending)
	t.Logf("%d of %d pending invoices are paid", paid, pending)
	if math.Abs(float64(paid)-float64(pending)/2) > 5*math.Sqrt(float64(pending))/2 {
		t.Errorf("%d of %d pending invoices are paid, want about half", paid, pending)
	}
}

// The database is dropped at each start, as Antaeus does, unless it is to be kept.
func TestDatabaseAtStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "antaeus.db")
	seed := Seed(rand.New(rand.NewPCG(1, 0)), 2, 5)
	start := func(open func(string, []Invoice) (*Store, error)) *Store {
		s, err := open(path, seed)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	all := charger(func(Invoice) (bool, error) { return true, nil })
	first := start(Create)
	pay(t, &Billing{Store: first, Charger: all})
	first.Close()

	kept := start(Open)
	if n := kept.count(Paid); n != 10 || len(kept.Invoices()) != 10 {
		t.Errorf("kept: %d are paid, want 10: %v", n, kept.Invoices())
	}
	kept.Close()

	dropped := start(Create)
	if n := dropped.count(Paid); n != 2 {
		t.Errorf("dropped: %d are paid, want 2", n)
	}
	dropped.Close()
}

// Half a line is what a crash leaves: its invoice was never reported as paid. Any
// other line that is no invoice is an error, and not fewer invoices.
func TestDamagedDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "antaeus.db")
	first, err := Create(path, Seed(rand.New(rand.NewPCG(1, 0)), 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(string(whole) + `{"id":2,"customerId":1,"sta`)
	s, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	i := s.Invoices()[1]
	if s.count(Paid) != 1 || s.pay(i) != nil {
		t.Errorf("%v", s.Invoices())
	}
	s.Close()
	again, err := Open(path, nil)
	if err != nil || again.count(Paid) != 2 {
		t.Fatalf("after a cut line the file cannot be written: %v, %v", again, err)
	}
	again.Close()

	write(strings.Replace(string(whole), "PENDING", "PENDNG", 1))
	if _, err := Open(path, nil); err == nil || !strings.Contains(err.Error(), "is no invoice") || !strings.Contains(err.Error(), path) {
		t.Errorf("a damaged database: %v", err)
	}
}

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

// Two calls at the same time share the invoices: none is charged twice.
func TestCallsAtTheSameTimeShareTheInvoices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		charged := map[int]int{}
		b := newBilling(t, 2, 5, charger(func(i Invoice) (bool, error) {
			time.Sleep(time.Second)
			mu.Lock()
			defer mu.Unlock()
			charged[i.ID]++
			return true, nil
		}), true)
		start := time.Now()
		var calls sync.WaitGroup
		for range 4 {
			calls.Go(func() {
				if _, err := b.Pay(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("8 charges of 1 s in 4 calls took %s", took)
		}
		for id, n := range charged {
			if n != 1 {
				t.Errorf("the invoice %d was charged %d times", id, n)
			}
		}
		if len(charged) != 8 || b.Store.count(Paid) != 10 {
			t.Errorf("%d were charged, %d are paid", len(charged), b.Store.count(Paid))
		}
	})
}

// When the service ends, the charge in flight is finished and stored, and no other
// is started.
func TestShutdownStoresTheChargeInFlight(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	b := newBilling(t, 2, 5, charger(func(Invoice) (bool, error) {
		cancel()
		return true, nil
	}), true)
	if _, err := b.Pay(ctx); !errors.Is(err, errStopped) {
		t.Errorf("the call returns %v", err)
	}
	if n := b.Store.count(Paid); n != 3 {
		t.Errorf("%d invoices are paid, want 3", n)
	}
	if _, err := b.Pay(t.Context()); err != nil || b.Store.count(Paid) != 10 {
		t.Errorf("an invoice is not free again: %v", err)
	}
}

// An invoice that cannot be stored as paid is not shown as paid.
func TestFullDisk(t *testing.T) {
	b := newBilling(t, 2, 5, charger(func(Invoice) (bool, error) { return true, nil }), true)
	b.Store.file.Close()
	if _, err := b.Pay(t.Context()); err == nil || !strings.Contains(err.Error(), "the invoice 2 was charged, but not stored as paid") {
		t.Errorf("%v", err)
	}
	if n := b.Store.count(Paid); n != 2 {
		t.Errorf("%d invoices are paid, want 2", n)
	}
}

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
