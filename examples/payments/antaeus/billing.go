// Package antaeus is a stand-in for Antaeus, a service that charges monthly
// invoices: the same REST API, the same end of a call at the first refusal, the same
// ten invoices. Unlike the original it has timeouts, tells a provider that fails from
// one that refuses, and never charges an invoice twice at the same time.
package antaeus

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
)

// Seed returns invoices for a number of customers, the first of each paid, as
// Antaeus creates them at each start: with two customers of five invoices, eight of
// ten are pending.
func Seed(random *rand.Rand, customers, each int) []Invoice {
	currencies := []string{"EUR", "USD", "DKK", "SEK", "GBP"}
	var all []Invoice
	for customer := 1; customer <= customers; customer++ {
		currency := currencies[random.IntN(len(currencies))]
		for n := range each {
			status := Pending
			if n == 0 {
				status = Paid
			}
			all = append(all, Invoice{
				ID: len(all) + 1, CustomerID: customer, Status: status,
				Amount: Money{Value: math.Round(100*(10+490*random.Float64())) / 100, Currency: currency},
			})
		}
	}
	return all
}

// Charger charges the customer of an invoice. An error means that it is not known
// whether it did.
type Charger interface {
	Charge(ctx context.Context, i Invoice) (accepted bool, err error)
}

// Billing charges what is pending.
type Billing struct {
	Store   *Store
	Charger Charger

	// StopAtRefusal ends a call at the first refusal, as Antaeus does. Otherwise each
	// pending invoice is tried once in a call.
	StopAtRefusal bool
	Observe       func(Charge) // may be nil
}

// Charge is what became of a charge.
type Charge struct {
	Invoice  Invoice
	Accepted bool
	Err      error // not nil: unknown
}

// errStopped means that a call ended before it had tried all invoices.
var errStopped = errors.New("the call ended before all invoices were tried: the caller left or the service is shutting down")

// Pay charges pending invoices one after the other, and returns whether all are paid
// now. It stops at the first error: what is not known to be paid stays pending, and
// a later call tries it again. When ctx ends, the charge in flight is still finished
// and stored.
func (b *Billing) Pay(ctx context.Context) (all bool, err error) {
	for place := 0; ; {
		i, next, ok := b.Store.claim(place)
		if !ok {
			return b.Store.count(Pending) == 0, nil
		}
		accepted, err := b.pay(ctx, i)
		switch {
		case err != nil:
			return false, err
		case !accepted && b.StopAtRefusal:
			return false, nil
		}
		place = next
	}
}

func (b *Billing) pay(ctx context.Context, i Invoice) (accepted bool, err error) {
	defer b.Store.release(i.ID)
	if ctx.Err() != nil {
		return false, errStopped
	}
	accepted, err = b.Charger.Charge(context.WithoutCancel(ctx), i)
	if b.Observe != nil {
		b.Observe(Charge{i, accepted, err})
	}
	if err != nil {
		return false, fmt.Errorf("charge the invoice %d: %w", i.ID, err)
	}
	if !accepted {
		return false, nil
	}
	if err := b.Store.pay(i); err != nil {
		return false, fmt.Errorf("the invoice %d was charged, but not stored as paid: %w", i.ID, err)
	}
	return true, nil
}
