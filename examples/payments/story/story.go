// Package story is what the demonstration shows and the test proves.
package story

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/payments/rig"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/play"
)

// Story plays on a Rig.
type Story struct {
	*rig.Rig
	say func(format string, args ...any)
}

// New returns the story on a Rig that has just come up.
func New(r *rig.Rig, say func(format string, args ...any)) *Story { return &Story{r, say} }

// Parts returns all parts, each of which builds on those before.
func (s *Story) Parts() []play.Part {
	return []play.Part{
		{Name: "until all are paid", Promise: "a call ends at the first refusal, so one leaves about 3 of 10 paid, and enough of them all", Play: s.original},
		{Name: "without the early exit", Promise: "each pending invoice is tried once: half of them are paid", Play: s.binomial},
		{Name: "a provider that hangs", Promise: "the call ends with an error, nothing is lost, nothing is paid that was not charged", Play: s.hang},
		{Name: "a provider that dies", Promise: "killed in the middle of a charge, it loses no invoice", Play: s.dies},
		{Name: "a release and a rollback", Promise: "while charges are made, none fails", Play: s.release},
		{Name: "charges in flight", Promise: "the provider is scaled by them, up and down, and none fails", Play: s.scaled},
	}
}

// original pays as Antaeus does.
func (s *Story) original(ctx context.Context) error {
	paid, all, err := s.Invoices(ctx)
	if err != nil || paid != 2 || all != 10 {
		return fmt.Errorf("at the start %d of %d are paid, want 2 of 10: %w", paid, all, err)
	}
	for call := 1; ; call++ {
		before := paid
		answer, err := s.pay(ctx)
		if err != nil {
			return err
		}
		if paid, all, err = s.Invoices(ctx); err != nil {
			return err
		}
		s.say("call %2d answers %-5v   %2d of %d are PAID", call, answer, paid, all)
		if answer != (paid == all) || paid < before {
			return fmt.Errorf("the call answers %v with %d of %d paid, and %d before", answer, paid, all, before)
		}
		if paid == all {
			return nil
		}
		if call == 60 { // rarer than once in a million runs
			return fmt.Errorf("%d of %d are paid after %d calls", paid, all, call)
		}
	}
}

// pay calls once; only an answer of the contract is no error.
func (s *Story) pay(ctx context.Context) (all bool, err error) {
	status, text, err := s.Pay(ctx)
	if err != nil {
		return false, err
	}
	if status != http.StatusOK {
		return false, fmt.Errorf("the call answers with status %d: %s", status, text)
	}
	return strconv.ParseBool(text)
}

const (
	customers = 120
	each      = 5
)

// binomial starts Antaeus with more invoices and without the early exit.
func (s *Story) binomial(ctx context.Context) error {
	if err := s.Set(ctx, rig.Antaeus, "", map[string]string{
		"ANTAEUS_EARLY_EXIT": "false", "ANTAEUS_CUSTOMERS": strconv.Itoa(customers), "ANTAEUS_INVOICES": strconv.Itoa(each),
		"ANTAEUS_KEEP_DATABASE": "false",
	}); err != nil {
		return err
	}
	before, all, err := s.Invoices(ctx)
	if err != nil || before != customers || all != customers*each {
		return fmt.Errorf("at the start %d of %d are paid, want %d of %d: %w", before, all, customers, customers*each, err)
	}
	if _, err := s.pay(ctx); err != nil {
		return err
	}
	after, _, err := s.Invoices(ctx)
	if err != nil {
		return err
	}
	pending, paid := all-before, after-before
	s.say("one call pays %d of %d pending invoices: %.0f %%", paid, pending, 100*float64(paid)/float64(pending))
	// More than 5 standard deviations off is less than one run in a million.
	if off := math.Abs(float64(paid) - float64(pending)/2); off > 5*math.Sqrt(float64(pending))/2 {
		return fmt.Errorf("%d of %d are paid, want about half", paid, pending)
	}
	return nil
}
