package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/tests/scale"
)

// reaction prints how long it takes from a load's change to the first step, with
// -peers that of other autoscalers too.
func reaction(ctx context.Context, args []string) error {
	known := scale.Peers()
	flags := flag.NewFlagSet("reaction", flag.ContinueOnError)
	n := flags.Int("n", 24, "workloads, each changed once")
	intervals := flags.String("intervals", "10s,1s", "of scrapes and decisions")
	names := flags.String("peers", "", "also measure these, each alone (make bench-peers builds them): "+strings.Join(slices.Sorted(maps.Keys(known)), ","))
	if err := flags.Parse(args); err != nil {
		return err
	}
	var peers []scale.Peer
	for name := range strings.FieldsFuncSeq(*names, func(r rune) bool { return r == ',' }) {
		p, ok := known[name]
		if !ok {
			return fmt.Errorf("-peers: there is no %q", name)
		}
		if err := p.Built(); err != nil {
			return err
		}
		peers = append(peers, p)
	}
	var worse, table strings.Builder
	for text := range strings.SplitSeq(*intervals, ",") {
		interval, err := time.ParseDuration(text)
		if err != nil {
			return err
		}
		ours, err := inWorld(ctx, *n, interval, func(w *scale.World) (scale.Reaction, error) { return w.React(ctx, flags.Args()...) })
		if err != nil {
			return err
		}
		rows(&table, "camunda-scaler", ours)
		fmt.Fprintf(&table, "| camunda-scaler | %s | of that on average: query %s, write %s | | | | |\n", interval, ours.Query.Round(100*time.Microsecond), ours.Write.Round(100*time.Microsecond))
		for _, p := range peers {
			theirs, err := inWorld(ctx, *n, interval, func(w *scale.World) (scale.Reaction, error) { return w.ReactPeer(ctx, p) })
			if err != nil {
				return err
			}
			rows(&table, p.Name, theirs)
			compare(&worse, "to the first write", p.Name, interval, ours.Whole, theirs.Whole)
			compare(&worse, "to the replicas that fit the load", p.Name, interval, ours.Last, theirs.Last)
		}
	}
	if len(peers) > 0 {
		fmt.Printf("Where camunda-scaler is slower than a peer:\n\n%s\nSettings:\n\n", cmp.Or(worse.String(), "- nowhere\n"))
		fmt.Println("- camunda-scaler: the default rule, interval as scraped")
		for _, p := range peers {
			fmt.Printf("- %s: %s\n", p.Name, p.Settings)
		}
		fmt.Println()
	}
	fmt.Print("| | scraped every | | min | median | p90 | max |\n|---|---|---|---:|---:|---:|---:|\n", table.String())
	return nil
}

func rows(table *strings.Builder, system string, r scale.Reaction) {
	for _, row := range []struct {
		what string
		scale.Spread
	}{
		{"from the change to the first write, s", r.Whole},
		{"wait for the scrape", r.Wait},
		{"scrape", r.Scrape},
		{"from the scrape's end to the write", r.Rest},
		{"from the change to the replicas that fit the load", r.Last},
	} {
		fmt.Fprintf(table, "| %s | %s | %s | %.3f | %.3f | %.3f | %.3f |\n", system, r.Interval, row.what,
			row.Min.Seconds(), row.Median.Seconds(), row.P90.Seconds(), row.Max.Seconds())
	}
}

// compare writes a line if a peer is faster.
func compare(worse *strings.Builder, what, peer string, interval time.Duration, ours, theirs scale.Spread) {
	if ours.Median > theirs.Median || ours.P90 > theirs.P90 {
		fmt.Fprintf(worse, "- %s, scraped every %s: median %.3f s and p90 %.3f s, %s %.3f s and %.3f s\n", what, interval,
			ours.Median.Seconds(), ours.P90.Seconds(), peer, theirs.Median.Seconds(), theirs.P90.Seconds())
	}
}
