package antaeus

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(string(text) + `{"id":2,"customerId":1,"sta`)
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

	write(strings.Replace(string(text), "PENDING", "PENDNG", 1))
	if _, err := Open(path, nil); err == nil || !strings.Contains(err.Error(), "is no invoice") || !strings.Contains(err.Error(), path) {
		t.Errorf("a damaged database: %v", err)
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
