// Command bench measures what three nodes take on this machine, for the README's
// table: with Kafka's own tools, and with the example's Python producer.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/bare"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/parts"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

const (
	size           = 1000 // bytes of a message
	messages       = 200_000
	pythonMessages = 20_000
)

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "example-kafka-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p, err := parts.Build(ctx, os.Stderr, filepath.Join(dir, "bin"))
	if err != nil {
		return err
	}
	began := time.Now()
	cluster, err := bare.Start(ctx, filepath.Join(dir, "kafka"), p, parts.After)
	if err != nil {
		return err
	}
	defer cluster.Stop()
	fmt.Fprintf(os.Stderr, "three nodes and the topics are up after %.1f s\n", time.Since(began).Seconds())
	b := &bench{ctx: ctx, parts: p, cluster: cluster}
	if _, err := b.produce("all"); err != nil { // until the JVMs have compiled what they run
		return err
	}
	fmt.Println("| what | messages | a second | MB a second | CPU time of the three nodes for 1,000 MB |\n|---|---|---|---|---|")
	for _, m := range []struct {
		what    string
		measure func() (float64, error) // returns messages a second
		n       int
		bytes   float64 // of a message; 0: it is not about volume
	}{
		{"Kafka's own producer, 1 kB a message, acks=all", func() (float64, error) { return b.produce("all") }, messages, size},
		{"the same, acks=1", func() (float64, error) { return b.produce("1") }, messages, size},
		{"Kafka's own consumer", b.consume, messages, size},
		{"the example's Python producer, acks=all", b.python, pythonMessages, 0},
	} {
		before, err := cluster.CPU()
		if err != nil {
			return err
		}
		perSecond, err := m.measure()
		if err != nil {
			return fmt.Errorf("%s: %w", m.what, err)
		}
		after, err := cluster.CPU()
		if err != nil {
			return err
		}
		volume, cost := "", ""
		if m.bytes > 0 {
			volume = fmt.Sprintf("%.0f", perSecond*m.bytes/1e6)
			cost = fmt.Sprintf("%.1f s", (after-before).Seconds()/(float64(m.n)*m.bytes/1e9))
		}
		fmt.Printf("| %s | %d | %.0f | %s | %s |\n", m.what, m.n, perSecond, volume, cost)
	}
	return nil
}

type bench struct {
	ctx     context.Context
	parts   parts.Parts
	cluster *bare.Cluster
}

func (b *bench) tool(class string, args ...string) (string, error) {
	libs := filepath.Join(b.parts.Kafka[parts.After].Libs, "*")
	c := exec.CommandContext(b.ctx, "java", append([]string{"-Xmx256m", "-cp", libs, class}, args...)...)
	out, err := c.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", class, err, out)
	}
	return string(out), nil
}

var (
	produced = regexp.MustCompile(`records sent, ([\d.]+) records/sec`)
	consumed = regexp.MustCompile(`(?m)^\d{4}-.*$`)
)

// produce writes with Kafka's own producer, as fast as the brokers take it.
func (b *bench) produce(acks string) (float64, error) {
	out, err := b.tool("org.apache.kafka.tools.ProducerPerformance", "--topic", "posts", "--num-records", strconv.Itoa(messages),
		"--record-size", strconv.Itoa(size), "--throughput", "-1", "--producer-props", "bootstrap.servers="+b.cluster.Bootstrap,
		"acks="+acks, "enable.idempotence="+strconv.FormatBool(acks == "all"), "linger.ms=20", "batch.size=131072")
	if err != nil {
		return 0, err
	}
	all := produced.FindAllStringSubmatch(out, -1)
	if len(all) == 0 {
		return 0, fmt.Errorf("no result in %s", out)
	}
	return strconv.ParseFloat(all[len(all)-1][1], 64)
}

// consume reads with Kafka's own consumer.
func (b *bench) consume() (float64, error) {
	out, err := b.tool("org.apache.kafka.tools.ConsumerPerformance", "--topic", "posts", "--num-records", strconv.Itoa(messages),
		"--bootstrap-server", b.cluster.Bootstrap, "--timeout", "60000")
	if err != nil {
		return 0, err
	}
	fields := strings.Split(consumed.FindString(out), ", ")
	if len(fields) < 6 {
		return 0, fmt.Errorf("no result in %s", out)
	}
	return strconv.ParseFloat(fields[5], 64)
}

// python runs the example's producer as fast as it goes.
func (b *bench) python() (float64, error) {
	c := exec.CommandContext(b.ctx, b.parts.Interpreter, "-m", "posts.producer")
	c.Env = append(os.Environ(), "KAFKA_BOOTSTRAP_SERVERS="+b.cluster.Bootstrap, "MESSAGES="+strconv.Itoa(pythonMessages), "RATE=0",
		"PYTHONPATH="+b.parts.PythonPath())
	began := time.Now()
	if out, err := c.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%w: %s", err, out)
	}
	return pythonMessages / time.Since(began).Seconds(), nil
}
