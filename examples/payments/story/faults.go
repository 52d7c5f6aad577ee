package story

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/payments/rig"
)

// hang lets the provider hang, and then work again.
func (s *Story) hang(ctx context.Context) error {
	if err := s.Set(ctx, rig.Provider, "", map[string]string{"PROVIDER_FAILURE": "hang"}); err != nil {
		return err
	}
	before, err := s.paid(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := s.failing(ctx); err != nil {
		return err
	}
	if took := time.Since(start); took < rig.Timeout || took > 3*rig.Timeout {
		return fmt.Errorf("the call took %s, want the timeout of %s", took, rig.Timeout)
	}
	after, err := s.paid(ctx)
	if err != nil || after != before {
		return fmt.Errorf("%d are paid, want %d as before: %w", after, before, err)
	}
	return s.works(ctx, before)
}

// failing calls with a provider that fails: an error, not a refusal.
func (s *Story) failing(ctx context.Context) error {
	status, text, err := s.Pay(ctx)
	if err != nil {
		return err
	}
	s.say("the call answers %d: %s", status, text)
	if status != http.StatusBadGateway {
		return fmt.Errorf("the call answers %d: %s; want 502", status, text)
	}
	return nil
}

// paid returns how many invoices are paid, and an error if one is lost.
func (s *Story) paid(ctx context.Context) (int, error) {
	paid, all, err := s.Invoices(ctx)
	if err == nil && all != customers*each {
		err = fmt.Errorf("there are %d invoices, want %d", all, customers*each)
	}
	return paid, err
}

// works lets the provider work again, slowly, and pays half of what is pending.
func (s *Story) works(ctx context.Context, before int) error {
	if err := s.Set(ctx, rig.Provider, "", map[string]string{"PROVIDER_FAILURE": "none"}); err != nil {
		return err
	}
	if _, err := s.pay(ctx); err != nil {
		return err
	}
	after, err := s.paid(ctx)
	if err != nil {
		return err
	}
	s.say("it works again: a call takes the paid invoices from %d to %d", before, after)
	if after <= before {
		return errors.New("nothing more is paid")
	}
	return nil
}

// dies kills the provider's Pods while a charge is in flight.
func (s *Story) dies(ctx context.Context) error {
	if err := s.Set(ctx, rig.Provider, "", map[string]string{"PROVIDER_LATENCY": "2s"}); err != nil {
		return err
	}
	before, err := s.paid(ctx)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- s.failing(ctx) }()
	if err := s.Await(ctx, "a charge in flight", func() (bool, error) {
		n, ok, err := s.Prometheus.Query(ctx, inFlight)
		return ok && n > 0, err
	}); err != nil {
		return err
	}
	if err := s.Kill(ctx); err != nil {
		return err
	}
	if err := <-done; err != nil {
		return err
	}
	if err := s.Settled(ctx); err != nil {
		return err
	}
	// What was charged before the end of the Pods stays paid.
	after, err := s.paid(ctx)
	if err != nil || after < before {
		return fmt.Errorf("%d are paid, and %d before: %w", after, before, err)
	}
	s.say("the Pods are replaced, no invoice is lost")
	return nil
}
