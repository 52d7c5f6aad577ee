// Command kafka-admin is what the example's cluster needs in addition to Kafka: the
// exporter of lag and cluster state, a node's readiness, and topics as code.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/admin/exporter"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/admin/ready"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/admin/topics"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	logger := log.With(log.NewLogfmtLogger(log.NewSyncWriter(os.Stderr)), "ts", log.DefaultTimestampUTC)
	if err := run(ctx, os.Args[1:], logger); err != nil {
		logger.Log("level", "error", "msg", "failed", "err", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, logger log.Logger) error {
	app := kingpin.New("kafka-admin", "Exporter, readiness, topics and partitions of a Kafka cluster.")
	app.HelpFlag.Short('h')
	bootstrap := app.Flag("bootstrap-server", "Addresses of brokers: host:port, separated by commas.").
		Envar("KAFKA_BOOTSTRAP_SERVERS").Required().String()
	timeout := app.Flag("timeout", "How long one scrape, one probe or one change may take.").Default("5s").Duration()

	export := app.Command("exporter", "Serve lag and cluster metrics.")
	exportAddress := export.Flag("web.listen-address", "Address of /metrics.").Default(":9308").String()
	expected := export.Flag("expected-brokers", "Exported as kafka_brokers_expected, which alerts compare with.").Required().Int()

	probe := app.Command("ready", "Serve a node's readiness: 200 while it is registered and each replica on it is in sync.")
	probeAddress := probe.Flag("web.listen-address", "Address of /ready.").Default(":8080").String()
	node := probe.Flag("node", "The node's id.").Envar("NODE_ID").Required().Int32()

	apply := app.Command("apply", "Make the topics of a file, and finish an upgrade, once; repeating it changes nothing.")
	file := apply.Flag("file", "YAML file with topics and metadata_version.").Required().ExistingFile()
	patience := apply.Flag("wait", "How long to wait for the brokers.").Default("10m").Duration()

	spread := app.Command("spread", "Move replicas so that every broker has its share; run it after adding brokers.")
	away := spread.Flag("from", "Id of a broker that is to be emptied, before it is removed; repeat for more.").Int32List()

	command, err := app.Parse(args)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(topics.Addresses(*bootstrap)...), kgo.ClientID("kafka-admin"),
		kgo.RequestRetries(2), kgo.RetryTimeout(*timeout), kgo.MetadataMinAge(time.Second/2))
	if err != nil {
		return fmt.Errorf("creating a client for %s: %w", *bootstrap, err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)

	switch command {
	case export.FullCommand():
		registry := prometheus.NewRegistry()
		registry.MustRegister(exporter.New(client, *expected, *timeout, logger), collectors.NewGoCollector(),
			collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
		mux := http.NewServeMux()
		mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
		mux.HandleFunc("/-/healthy", func(http.ResponseWriter, *http.Request) {})
		return serve(ctx, *exportAddress, mux, logger)
	case probe.FullCommand():
		mux := http.NewServeMux()
		mux.Handle("/ready", ready.Handler(admin, *node, *timeout))
		return serve(ctx, *probeAddress, mux, logger)
	case apply.FullCommand():
		desired, err := topics.Read(*file)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, *patience)
		defer cancel()
		return topics.Apply(ctx, client, desired, logger)
	default:
		return topics.Spread(ctx, admin, *away, logger)
	}
}

// serve serves until ctx ends.
func serve(ctx context.Context, address string, handler http.Handler, logger log.Logger) error {
	server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-ctx.Done()
		graceful, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = server.Shutdown(graceful)
	}()
	logger.Log("level", "info", "msg", "listening", "address", address)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("listening on %s: %w", address, err)
	}
	<-ended
	return nil
}
