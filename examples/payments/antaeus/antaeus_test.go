package antaeus

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"
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
// call leaves 2 + 1 - 1/256 = 2.996. By its exact distribution, the mean of 400 calls
// is more than 0.355 off in 0.94 runs of a million.
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
	if math.Abs(mean-2.996) > 0.355 {
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
