package node

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
)

// testFaults has the provider and Antaeus end without a warning, and the provider
// hang: no invoice is lost, and none is paid that was not charged.
func testFaults(ctx context.Context, s *system) {
	before := s.paid(ctx)
	if count(before) == len(before) {
		s.t.Fatal("all is paid already, so the calls so far have charged nothing: give Antaeus more invoices")
	}
	// grown checks that what was paid still is, and returns how much more it is now.
	grown := func(s *system) int {
		s.t.Helper()
		after := s.paid(ctx)
		if len(after) != len(before) {
			s.t.Errorf("there were %d invoices, and are %d", len(before), len(after))
		}
		for id, paid := range before {
			if paid && !after[id] {
				s.t.Errorf("the invoice %d was paid, and is not any more", id)
			}
		}
		more := count(after) - count(before)
		before = after
		return more
	}
	s.t.Run("the provider dies", func(t *testing.T) {
		s := s.in(t)
		l := s.load(ctx, 20*time.Millisecond)
		l.more(ctx, t, 10)
		s.kill(ctx, "payment-provider")
		l.more(ctx, t, 10)
		calls, failed := l.stop()
		s.say("%d calls, of which %d failed, and %d more invoices are paid", calls, len(failed), grown(s))
		if len(failed) == 0 {
			t.Error("no call failed: the provider was not away")
		}
	})
	s.t.Run("Antaeus dies", func(t *testing.T) {
		s := s.in(t)
		accepted := s.accepted(ctx)
		l := s.load(ctx, 20*time.Millisecond)
		l.more(ctx, t, 10)
		s.kill(ctx, "antaeus")
		l.more(ctx, t, 10)
		calls, failed := l.stop()
		more, charged := grown(s), 0
		within(ctx, t, 10*time.Second, "the provider has counted its last charge", func() error {
			if charged = s.accepted(ctx) - accepted; charged < more {
				return fmt.Errorf("%d charges were accepted, and %d more invoices are paid", charged, more)
			}
			return nil
		})
		s.say("%d calls, of which %d failed; %d charges were accepted, and %d more invoices are paid", calls, len(failed), charged, more)
		// The provider knows no invoices, so it cannot tell that a charge repeats the
		// one that was in flight.
		if charged > more+1 {
			t.Errorf("%d charges were accepted, and %d more invoices are paid: only one charge was in flight", charged, more)
		}
	})
	s.t.Run("the provider hangs", func(t *testing.T) {
		s := s.in(t)
		container, err := s.container(ctx, "payment-provider")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Signal(ctx, container.ContainerID, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		grown(s)
		from := time.Now()
		if _, err := pay(ctx, s.antaeus); err == nil {
			t.Error("a call succeeds while the provider hangs")
		}
		if took := time.Since(from); took > 10*time.Second {
			t.Errorf("a call takes %s while the provider hangs", took)
		}
		if more := grown(s); more != 0 {
			t.Errorf("while the provider hangs, %d more invoices are paid", more)
		}
		if err := s.Signal(ctx, container.ContainerID, syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		l := s.load(ctx, 20*time.Millisecond)
		l.more(ctx, t, 10)
		l.stop()
	})
	s.t.Run("afterwards all is paid", func(t *testing.T) {
		s := s.in(t)
		pending := float64(len(before) - count(before))
		calls := float64(s.payAll(ctx, 10000))
		if grown(s); count(before) != len(before) {
			t.Errorf("%d of %d invoices are paid", count(before), len(before))
		}
		// A call ends at its first refusal, so it pays one invoice on average: of 10
		// with 2 paid, 3 are after it. Less than one run in a million is further away.
		if limit := 5.5 * math.Sqrt(2*pending); math.Abs(calls-pending) > limit {
			t.Errorf("%.0f calls have paid %.0f invoices, want %.0f ± %.0f calls", calls, pending, pending, limit)
		}
	})
}

// kill ends the program of the only Pod of a Deployment at once, and waits until it is
// back.
func (s *system) kill(ctx context.Context, name string) {
	s.t.Helper()
	before, err := s.container(ctx, name)
	if err == nil {
		err = s.Signal(ctx, before.ContainerID, syscall.SIGKILL)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	within(ctx, s.t, time.Minute, name+" is back", func() error {
		now, err := s.container(ctx, name)
		if err == nil && (now.ContainerID == before.ContainerID || !now.Ready) {
			err = fmt.Errorf("its container is %s, ready: %t", now.ContainerID, now.Ready)
		}
		return err
	})
	s.answers(ctx)
}

// container returns the only container of the only Pod of a Deployment.
func (s *system) container(ctx context.Context, deployment string) (core.ContainerStatus, error) {
	pods, err := s.pods(ctx, deployment)
	if err == nil && (len(pods) != 1 || len(pods[0].Status.ContainerStatuses) != 1) {
		err = fmt.Errorf("%s has %d Pods, want one with one container", deployment, len(pods))
	}
	if err != nil {
		return core.ContainerStatus{}, err
	}
	return pods[0].Status.ContainerStatuses[0], nil
}

var acceptedLine = regexp.MustCompile(`(?m)^payments_requests_total\{result="accepted"\} (\d+)$`)

// accepted returns how many charges the provider's only Pod has accepted.
func (s *system) accepted(ctx context.Context) int {
	s.t.Helper()
	pods, err := s.pods(ctx, "payment-provider")
	if err != nil || len(pods) != 1 {
		s.t.Fatalf("the provider has %d Pods (%v), want one", len(pods), err)
	}
	address, err := s.Forward(s.life, pods[0].Status.PodIP+":8081")
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := fetch(ctx, "GET", fmt.Sprintf("http://%s/metrics", address))
	if err != nil {
		s.t.Fatal(err)
	}
	found := acceptedLine.FindSubmatch(text)
	if found == nil {
		s.t.Fatalf("the provider's metrics lack the charges accepted:\n%s", text)
	}
	n, err := strconv.Atoi(string(found[1]))
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}
