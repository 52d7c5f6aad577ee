// Command kafka shows the example on this machine, or gives a program a cluster to
// run with: see README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/bare"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/parts"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/story"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/system"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/play"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop) // so that a second Ctrl-C ends this at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout))
}

type options struct {
	once, local, keepLogs bool
	program               []string
}

func parse(args []string, out io.Writer) (options, error) {
	var o options
	app := kingpin.New("kafka", "Shows Kafka, a Python producer and consumers that are scaled on lag, on this machine's loopback address.")
	app.HelpFlag.Short('h')
	app.UsageWriter(out)
	app.Flag("once", "End after the story: with exit code 0 if all was as promised.").BoolVar(&o.once)
	app.Flag("local", "Start only Kafka's three nodes with the topics, for work on producer and consumer.").BoolVar(&o.local)
	app.Flag("keep-logs", "Keep all logs. Those of a failure are kept anyway.").BoolVar(&o.keepLogs)
	app.Arg("program", "With --local, after --: a program to run with KAFKA_BOOTSTRAP_SERVERS set; all ends with it.").StringsVar(&o.program)
	if _, err := app.Parse(args); err != nil {
		return options{}, err
	}
	if len(o.program) > 0 && !o.local {
		return options{}, errors.New("a program is run with --local only")
	}
	return o, nil
}

// run returns the exit code: 0, 1 if something was not as promised, 2 for bad
// flags, 130 if it was interrupted; with a program, the program's.
func run(ctx context.Context, args []string, out io.Writer) int {
	o, err := parse(args, out)
	if err != nil {
		fmt.Fprintf(out, "kafka: %v, try --help\n", err)
		return 2
	}
	dir, err := os.MkdirTemp("", "example-kafka-")
	if err != nil {
		fmt.Fprintln(out, err)
		return 1
	}
	do := show
	if o.local {
		do = local
	}
	code, err := do(ctx, o, dir, out)
	if ctx.Err() != nil {
		fmt.Fprintln(out, "\nInterrupted.")
		code, err = 130, nil
	}
	if err != nil {
		fmt.Fprintf(out, "\nThe example failed: %v\n", err)
		code = 1
	}
	if o.keepLogs || code == 1 {
		fmt.Fprintf(out, "The logs are in %s\n", dir)
	} else if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(out, err)
	}
	return code
}

// show plays the story and stays, unless it is to end by itself.
func show(ctx context.Context, o options, dir string, out io.Writer) (int, error) {
	fmt.Fprint(out, `Kafka: three nodes, a Python producer, and consumers that are scaled on lag.
The charts are installed with Helm on a real Kubernetes API server, and watched by
a real Prometheus and Alertmanager. What is not real: there are no containers, a
process on this machine plays each of them, with the chart's own arguments.

`)
	p, err := parts.Build(ctx, out, filepath.Join(dir, "bin"))
	if err != nil {
		return 1, err
	}
	began := time.Now()
	s, err := system.Up(ctx, filepath.Join(dir, "up"), p, system.Options{
		Interval: 2 * time.Second, Out: out, AlertsAfter: "2s", Values: story.Values,
	})
	if err != nil {
		return 1, err
	}
	defer s.Down()
	all := story.New(s, func(format string, args ...any) { fmt.Fprintf(out, "  "+format+"\n", args...) })
	if err := play.Parts(ctx, out, all.Parts(), began); err != nil {
		return 1, err
	}
	if o.once {
		return 0, nil
	}
	tell(s, dir, out)
	<-ctx.Done()
	return 0, nil
}

func tell(s *system.System, dir string, out io.Writer) {
	fmt.Fprintf(out, `
== It all stays up until Ctrl-C
Kafka's own tools:
  export KAFKA=%[1]s
  java -cp "%[2]s/*" org.apache.kafka.tools.consumer.ConsoleConsumer \
    --bootstrap-server $KAFKA --topic posts --from-beginning
Send posts, and watch the consumers follow:
  export KAFKA_BOOTSTRAP_SERVERS=%[1]s PYTHONPATH=%[3]s
  MESSAGES=10000 RATE=0 python3 -m posts.producer
  kubectl --kubeconfig %[4]s -n kafka get deployment posts-consumer --watch
Pages and metrics:
  scaler    %[5]s/targets/consumers
  exporter  %[6]s
  Prometheus answers queries, without pages in this build:
  curl %[7]s/api/v1/query -d query=kafka_consumergroup_lag_sum
Logs: %[8]s
`, s.Bootstrap(), s.Kafka(parts.After), s.PythonPath(), s.Cluster.Kubeconfig, s.Scaler, s.ExporterURL(), s.Prometheus.URL, dir)
}

// local starts Kafka alone, for a program or until Ctrl-C.
func local(ctx context.Context, o options, dir string, out io.Writer) (int, error) {
	p, err := parts.Build(ctx, out, filepath.Join(dir, "bin"))
	if err != nil {
		return 1, err
	}
	began := time.Now()
	kafka, err := bare.Start(ctx, filepath.Join(dir, "kafka"), p, parts.After)
	if err != nil {
		return 1, err
	}
	defer kafka.Stop()
	fmt.Fprintf(out, "Kafka %s: three nodes and the topics are up after %.1f s.\n", parts.After, time.Since(began).Seconds())
	if len(o.program) > 0 {
		return kafka.Run(ctx, p, o.program)
	}
	fmt.Fprintf(out, `
  export KAFKA_BOOTSTRAP_SERVERS=%[1]s PYTHONPATH=%[2]s
  python3 -m posts.consumer
  MESSAGES=100 python3 -m posts.producer
  java -cp "%[3]s/*" org.apache.kafka.tools.consumer.ConsoleConsumer \
    --bootstrap-server %[1]s --topic posts --from-beginning

It stays up until Ctrl-C.
`, kafka.Bootstrap, p.PythonPath(), p.Kafka[parts.After].Libs)
	<-ctx.Done()
	return 0, nil
}
