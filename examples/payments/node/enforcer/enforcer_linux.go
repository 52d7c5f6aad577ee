package enforcer

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	networking "k8s.io/api/networking/v1"
	"sigs.k8s.io/knftables"
)

// Table is the nftables table of the rules.
const Table = "payments-network-policies"

// Enforcer keeps the rules of the network namespace in which it is called.
type Enforcer struct {
	nft     knftables.Interface
	applied []filter
	ready   bool // the table exists
}

// New returns an Enforcer that has changed nothing yet. It needs the program nft.
func New() (*Enforcer, error) {
	nft, err := knftables.New(knftables.IPv4Family, Table, knftables.EmulateDestroy)
	if err != nil {
		return nil, fmt.Errorf("network policies: %w", err)
	}
	return &Enforcer{nft: nft}, nil
}

// Apply replaces all rules in one transaction, if any is different.
func (e *Enforcer) Apply(ctx context.Context, s State) error {
	desired, err := filters(s)
	if err != nil {
		return err
	}
	if e.ready && reflect.DeepEqual(desired, e.applied) {
		return nil
	}
	tx := e.nft.NewTransaction()
	write(tx, desired)
	if err := e.nft.Run(ctx, tx); err != nil {
		return fmt.Errorf("network policies: %w", err)
	}
	e.applied, e.ready = desired, true
	return nil
}

// Remove removes all rules.
func (e *Enforcer) Remove(ctx context.Context) error {
	tx := e.nft.NewTransaction()
	tx.Destroy(&knftables.Table{})
	if err := e.nft.Run(ctx, tx); err != nil {
		return fmt.Errorf("removing network policies: %w", err)
	}
	e.applied, e.ready = nil, false
	return nil
}

// Run applies what list returns, every so often until ctx ends. A Pod is open to
// all for that long after it got its address. While list fails, the rules stay as
// they are, and failed is called with each error.
func (e *Enforcer) Run(ctx context.Context, every time.Duration, list func(context.Context) (State, error), failed func(error)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		s, err := list(ctx)
		if err == nil {
			err = e.Apply(ctx, s)
		}
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// write writes the transaction that replaces the table. What leaves a Pod has to pass
// its filter of egress and then its peer's of ingress: a filter returns what it
// accepts to the chain forward.
func write(tx *knftables.Transaction, all []filter) {
	tx.Destroy(&knftables.Table{})
	tx.Add(&knftables.Table{})
	tx.Add(&knftables.Map{Name: "egress", Type: "ipv4_addr : verdict"})
	tx.Add(&knftables.Map{Name: "ingress", Type: "ipv4_addr : verdict"})
	for _, f := range all {
		direction := strings.ToLower(string(f.direction))
		chain := direction + "-" + f.address
		tx.Add(&knftables.Chain{Name: chain})
		own := "ip daddr"
		if f.direction == networking.PolicyTypeIngress {
			own = "ip saddr"
		}
		// No policy keeps a Pod from itself.
		tx.Add(&knftables.Rule{Chain: chain, Rule: own + " " + f.address + " return"})
		for _, accepted := range f.accepted {
			tx.Add(&knftables.Rule{Chain: chain, Rule: strings.TrimSpace(accepted + " return")})
		}
		tx.Add(&knftables.Rule{Chain: chain, Rule: "counter drop"})
		tx.Add(&knftables.Element{Map: direction, Key: []string{f.address}, Value: []string{"jump " + chain}})
	}
	tx.Add(&knftables.Chain{
		Name: "forward", Type: knftables.PtrTo(knftables.FilterType),
		Hook: knftables.PtrTo(knftables.ForwardHook), Priority: knftables.PtrTo(knftables.FilterPriority),
	})
	for _, rule := range []string{"ct state established,related accept", "ip saddr vmap @egress", "ip daddr vmap @ingress"} {
		tx.Add(&knftables.Rule{Chain: "forward", Rule: rule})
	}
}
