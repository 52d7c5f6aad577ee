// Command payments shows the example live on this machine: see README.md.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/payments/rig"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/payments/story"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/play"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop) // so that a second Ctrl-C ends this at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout))
}

// run returns the exit code: 0, 1 if something was not as promised, 2 for bad flags,
// 130 if it was interrupted before the end of the story.
func run(ctx context.Context, args []string, out io.Writer) int {
	app := kingpin.New("payments", "Shows Antaeus, a payment provider, and the scaler that scales it by the charges in flight, on this machine's loopback addresses.")
	app.HelpFlag.Short('h')
	app.UsageWriter(out)
	once := app.Flag("once", "End after the story: with exit code 0 if all was as promised.").Bool()
	if _, err := app.Parse(args); err != nil {
		fmt.Fprintf(out, "payments: %v, try --help\n", err)
		return 2
	}
	dir, err := os.MkdirTemp("", "example-payments-")
	if err != nil {
		fmt.Fprintln(out, err)
		return 1
	}
	told, err := show(ctx, dir, *once, out)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(out, "\nInterrupted.")
	case err != nil:
		fmt.Fprintf(out, "\nThe example failed: %v\nThe logs are in %s\n", err, dir)
		return 1
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(out, err)
	}
	if !told {
		return 130
	}
	return 0
}

// show plays the story and stays, unless it is to end by itself. It returns whether
// the story was told to its end.
func show(ctx context.Context, dir string, once bool, out io.Writer) (told bool, err error) {
	fmt.Fprint(out, `Payments: Antaeus charges invoices by a provider that refuses half of them.
The manifests are applied to a real Kubernetes API server, and scaled by a real
Prometheus and camunda-scaler. What is not real: there are no containers, a process
on this machine plays each of them, and nothing enforces the network policies.
`)
	start := time.Now()
	r, err := rig.Up(ctx, filepath.Join(dir, "up"))
	if err != nil {
		return false, err
	}
	defer r.Down()
	tale := story.New(r, func(format string, args ...any) { fmt.Fprintf(out, "   "+format+"\n", args...) })
	if err := play.Parts(ctx, out, tale.Parts(), start); err != nil {
		return false, err
	}
	if once {
		return true, nil
	}
	fmt.Fprintf(out, `
== It all stays up until Ctrl-C
   curl -X POST %[1]s/rest/v1/invoices/pay
   curl %[1]s/rest/v1/invoices
   curl %[2]s -d '{"customer_id":1,"value":340.45,"currency":"USD"}'
   kubectl --kubeconfig %[3]s -n payments get deployment payment-provider --watch
   scaler      %[4]s/targets/payment-provider
   Prometheus  curl %[5]s/api/v1/query -d 'query=payments_requests_in_flight'
`, r.Antaeus, r.Provider, r.Cluster.Kubeconfig, r.Scaler, r.Prometheus.URL)
	<-ctx.Done()
	return true, nil
}
