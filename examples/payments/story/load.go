package story

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/payments/rig"
)

// inFlight is what the scaler sees.
const inFlight = `sum(payments_requests_in_flight{namespace="payments"})`

// load keeps callers calling until a function returns. A call that fails is an error.
func (s *Story) load(ctx context.Context, callers int, until func(context.Context) error) error {
	enough := errors.New("enough")
	group, busy := errgroup.WithContext(ctx)
	for range callers {
		group.Go(func() error {
			for busy.Err() == nil {
				// A call that is cut off would say nothing of the provider.
				if _, err := s.pay(context.WithoutCancel(ctx)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		if err := until(busy); err != nil {
			return err
		}
		return enough
	})
	if err := group.Wait(); !errors.Is(err, enough) {
		return err
	}
	return nil
}

// release puts a new version in the place of the old one, and back. Charges still take
// 2 s, longer than an old Pod waits before it is told to end.
func (s *Story) release(ctx context.Context) error {
	// Enough invoices for what follows; each call tries one until it is refused.
	if err := s.Set(ctx, rig.Antaeus, "", map[string]string{"ANTAEUS_EARLY_EXIT": "true", "ANTAEUS_CUSTOMERS": "2000"}); err != nil {
		return err
	}
	return s.load(ctx, 4, func(ctx context.Context) error {
		for _, version := range []string{"0.2.0", "0.1.0"} {
			if err := s.Set(ctx, rig.Provider, rig.Provider+":"+version, nil); err != nil {
				return err
			}
			s.say("all Pods are of version %s", version)
		}
		return nil
	})
}

const (
	callers  = 15
	perPod   = 4 // scaler-values.yaml: value_per_replica
	fewest   = 2 // min_replicas
	expected = (callers + perPod - 1) / perPod
)

// scaled sends a load that needs more Pods, and takes it away. A charge takes much
// longer than what is around it, also on a busy machine: fewer callers than 13 in
// flight would need fewer Pods.
func (s *Story) scaled(ctx context.Context) error {
	start, last := time.Now(), rig.Replicas{}
	reach := func(ctx context.Context, want int) error {
		return s.Await(ctx, fmt.Sprintf("%d replicas", want), func() (bool, error) {
			n, err := s.Replicas(ctx, rig.Provider)
			if err == nil && n != last {
				last = n
				charges, _, err := s.Prometheus.Query(ctx, inFlight)
				if err != nil {
					return false, err
				}
				s.say("%3.0f s  %2.0f in flight   replicas %d   ready %d %s", time.Since(start).Seconds(), charges, n.Desired, n.Ready, strings.Repeat("#", n.Ready))
			}
			return n.Desired == want && n.Ready == want, err
		})
	}
	if err := reach(ctx, fewest); err != nil {
		return err
	}
	s.say("%d callers at once, each charge takes 2 s", callers)
	if err := s.load(ctx, callers, func(ctx context.Context) error {
		if err := reach(ctx, expected); err != nil {
			return err
		}
		return s.stays(ctx)
	}); err != nil {
		return err
	}
	s.say("the callers stop")
	return reach(ctx, fewest)
}

// stays is an error if the replicas go on changing with a load that does not.
func (s *Story) stays(ctx context.Context) error {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		n, err := s.Replicas(ctx, rig.Provider)
		if err != nil {
			return err
		}
		if n.Desired != expected {
			return fmt.Errorf("with %d in flight there are %d replicas, want %d", callers, n.Desired, expected)
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
