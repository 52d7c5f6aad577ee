package node

import (
	"context"
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
	s.enlarge(ctx)
	t.Run("policies", func(t *testing.T) { testPolicies(ctx, s.in(t)) })
	developer := newUser(ctx, t, s.Cluster, "jane", "payment-provider-developers")
	colleague := newUser(ctx, t, s.Cluster, "john", "others")
	t.Run("rights", func(t *testing.T) { testRights(ctx, s.in(t), developer, colleague) })
	t.Run("deployment", func(t *testing.T) { testDeployment(ctx, s.in(t), developer, colleague) })
	t.Run("faults", func(t *testing.T) { testFaults(ctx, s.in(t)) })
}
