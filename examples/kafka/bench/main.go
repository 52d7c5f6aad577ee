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

const size = 1000 // bytes of a message

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
	b := &bench{ctx: ctx, dir: dir, parts: p, bootstrap: cluster.Bootstrap}
	fmt.Println("| what | messages | messages a second | MB a second | acknowledged after |\n|---|---|---|---|---|")
	for _, f := range []func() error{
		func() error {
			return b.produce("to one partition's replicas on all three nodes, acks=all", "all", 500_000)
		},
		func() error { return b.produce("the same, acks=1", "1", 500_000) },
		func() error { return b.consume(900_000) },
		func() error { return b.python(20_000) },
	} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

type bench struct {
	ctx            context.Context
	dir, bootstrap string
	parts          parts.Parts
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
	produced = regexp.MustCompile(`(\d+) records sent, ([\d.]+) records/sec \(([\d.]+) MB/sec\).*?([\d.]+) ms 95th, ([\d.]+) ms 99th`)
	consumed = regexp.MustCompile(`(?m)^\d{4}-.*$`)
)

// produce writes with Kafka's own producer, as fast as the brokers take it.
func (b *bench) produce(what, acks string, messages int) error {
	out, err := b.tool("org.apache.kafka.tools.ProducerPerformance", "--topic", "posts", "--num-records", strconv.Itoa(messages),
		"--record-size", strconv.Itoa(size), "--throughput", "-1", "--producer-props", "bootstrap.servers="+b.bootstrap,
		"acks="+acks, "enable.idempotence="+strconv.FormatBool(acks == "all"), "linger.ms=20", "batch.size=131072")
	if err != nil {
		return err
	}
	all := produced.FindAllStringSubmatch(out, -1)
	if len(all) == 0 {
		return fmt.Errorf("no result in %s", out)
	}
	m := all[len(all)-1]
	perSecond, err := strconv.ParseFloat(m[2], 64)
	if err != nil {
		return err
	}
	fmt.Printf("| Kafka's own producer, %s | %s | %.0f | %.0f | 95 %%: %s ms, 99 %%: %s ms |\n", what, m[1], perSecond, perSecond*size/1e6, m[4], m[5])
	return nil
}

func (b *bench) consume(messages int) error {
	out, err := b.tool("org.apache.kafka.tools.ConsumerPerformance", "--topic", "posts", "--num-records", strconv.Itoa(messages),
		"--bootstrap-server", b.bootstrap, "--timeout", "20000")
	if err != nil {
		return err
	}
	line := consumed.FindString(out)
	fields := strings.Split(line, ", ")
	if len(fields) < 6 {
		return fmt.Errorf("no result in %s", out)
	}
	perSecond, err := strconv.ParseFloat(fields[5], 64)
	if err != nil {
		return err
	}
	fmt.Printf("| Kafka's own consumer, one | %s | %.0f | %.0f | |\n", fields[4], perSecond, perSecond*size/1e6)
	return nil
}

// python runs the example's producer as fast as it goes; its messages are smaller.
func (b *bench) python(messages int) error {
	c := exec.CommandContext(b.ctx, b.parts.Interpreter, "-m", "posts.producer")
	c.Env = append(os.Environ(), "KAFKA_BOOTSTRAP_SERVERS="+b.bootstrap, "MESSAGES="+strconv.Itoa(messages), "RATE=0",
		"PYTHONPATH="+b.parts.PythonPath())
	began := time.Now()
	out, err := c.CombinedOutput()
	if err != nil {
		return fmt.Errorf("the producer: %w: %s", err, out)
	}
	fmt.Printf("| the example's Python producer, acks=all, about 100 bytes a message | %d | %.0f | | |\n", messages, float64(messages)/time.Since(began).Seconds())
	return nil
}
