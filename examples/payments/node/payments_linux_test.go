package node

import (
	"context"
	"math"
	"testing"
	"time"
)

// TestPayments has the example on a real node, which takes root.
func TestPayments(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	s := newSystem(ctx, t)
	t.Run("a call pays until the first refusal", func(t *testing.T) {
		s := s.in(t)
		if before := s.paid(ctx); len(before) != 10 || count(before) != 2 {
			t.Fatalf("of %d invoices, %d are paid; want 2 of 10", len(before), count(before))
		}
		all, err := pay(ctx, s.antaeus)
		if err != nil {
			t.Fatal(err)
		}
		after := count(s.paid(ctx))
		s.say("after one call, %d of 10 invoices are paid", after)
		if after < 2 || all != (after == 10) {
			t.Errorf("the call answers %t, and %d of 10 invoices are paid", all, after)
		}
	})
	t.Run("enough calls pay everything", func(t *testing.T) {
		s := s.in(t)
		s.payAll(ctx, 200)
		if paid := count(s.paid(ctx)); paid != 10 {
			t.Errorf("%d of 10 invoices are paid", paid)
		}
	})
	t.Run("without the early exit a call pays about half", func(t *testing.T) {
		s := s.in(t)
		s.setAntaeus(ctx, "ANTAEUS_EARLY_EXIT=false", "ANTAEUS_INVOICES=250", "ANTAEUS_DATABASE=/data/half.db")
		before := s.paid(ctx)
		pending := len(before) - count(before)
		if _, err := pay(ctx, s.antaeus); err != nil {
			t.Fatal(err)
		}
		became := count(s.paid(ctx)) - count(before)
		s.say("after one call without the early exit, %d of %d pending invoices are paid", became, pending)
		// Five standard deviations: less than one run in a million is further away.
		if mean, deviation := float64(pending)/2, math.Sqrt(float64(pending)/4); pending != 498 || math.Abs(float64(became)-mean) > 5*deviation {
			t.Errorf("%d of %d pending invoices became paid, want %.0f ± %.0f of 498", became, pending, mean, 5*deviation)
		}
	})
	// So many invoices that some are pending until the end: a call without any charges
	// nothing. Charges take time, so that one is in flight when something ends.
	s.setAntaeus(ctx, "ANTAEUS_EARLY_EXIT-", "ANTAEUS_INVOICES=400", "ANTAEUS_DATABASE=/data/large.db")
	s.setProvider(ctx, "PROVIDER_LATENCY=5ms")
	t.Run("policies", func(t *testing.T) { testPolicies(ctx, s.in(t)) })
	developer := newUser(ctx, t, s.Cluster, "jane", "payment-provider-developers")
	colleague := newUser(ctx, t, s.Cluster, "john", "others")
	t.Run("rights", func(t *testing.T) { testRights(ctx, s.in(t), developer, colleague) })
	t.Run("deployment", func(t *testing.T) { testDeployment(ctx, s.in(t), developer, colleague) })
	t.Run("faults", func(t *testing.T) { testFaults(ctx, s.in(t)) })
}
