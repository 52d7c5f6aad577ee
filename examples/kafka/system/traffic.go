package system

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// Tally is what a producer says at its end.
type Tally struct {
	Sent, Acknowledged, Failed int
	Error                      string
}

// Producer is a running one, the app's own.
type Producer struct {
	process *process.Process
	log     string
}

var producers atomic.Int64

// Produce starts the app's producer: messages 0 is without end, rate 0 as fast as it goes.
func (s *System) Produce(ctx context.Context, messages, rate int) (*Producer, error) {
	log := filepath.Join(s.logs(), fmt.Sprintf("load-%d.log", producers.Add(1)))
	p, err := process.Start(ctx, process.Spec{
		Name: "producer", Path: s.parts.Interpreter, Args: []string{"-m", "posts.producer"}, Log: log,
		Env: append(s.AppEnvironment(), "MESSAGES="+strconv.Itoa(messages), "RATE="+strconv.Itoa(rate)),
	})
	if err != nil {
		return nil, err
	}
	return &Producer{process: p, log: log}, nil
}

// AppEnvironment is what the app's programs need in their environment on this machine.
func (s *System) AppEnvironment() []string {
	return []string{
		"KAFKA_BOOTSTRAP_SERVERS=" + s.Bootstrap(), "PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1",
		"PYTHONPATH=" + s.parts.PythonPath(),
	}
}

// PythonPath is where Python finds kafka-python and the app.
func (s *System) PythonPath() string { return s.parts.PythonPath() }

// RunBefore runs one of the programs as they were, with the library as it was. It
// returns what the program printed.
func (s *System) RunBefore(ctx context.Context, program string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, s.parts.Interpreter, filepath.Join(s.parts.Example, "app", "before", program))
	c.Env = append(os.Environ(), "KAFKA_BOOTSTRAP_SERVERS="+s.Bootstrap(), "PYTHONPATH="+filepath.Join(s.parts.OldPython, "site"))
	c.Env = append(c.Env, args...)
	out, err := c.CombinedOutput()
	return string(out), err
}

// Stop lets the producer finish what it has sent, and returns its tally.
func (p *Producer) Stop() (Tally, error) {
	p.process.Stop(2 * time.Minute)
	return p.tally()
}

// Wait waits for the producer's end and returns its tally.
func (p *Producer) Wait(ctx context.Context) (Tally, error) {
	if err := p.process.Wait(ctx); err != nil {
		return Tally{}, err
	}
	return p.tally()
}

func (p *Producer) tally() (Tally, error) {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return Tally{}, err
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	var t Tally
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &t); err != nil {
		return Tally{}, fmt.Errorf("a producer ended with %q", lines[len(lines)-1])
	}
	return t, nil
}

// Handled returns how many different posts the consumers have stored, and how many
// were delivered to them.
func (s *System) Handled(ctx context.Context) (distinct, deliveries int, err error) {
	const query = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1], timeout=30).execute('SELECT count(*), coalesce(sum(deliveries), 0) FROM posts').fetchone())"
	out, err := exec.CommandContext(ctx, s.parts.Interpreter, "-c", query, s.Sink()).CombinedOutput()
	if err != nil {
		return 0, 0, fmt.Errorf("reading what was handled: %w: %s", err, out)
	}
	_, err = fmt.Sscan(string(out), &distinct, &deliveries)
	return distinct, deliveries, err
}

// Admin returns a client of the cluster, which has to be closed.
func (s *System) Admin() (*kadm.Client, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(s.Bootstrap(), ",")...))
	if err != nil {
		return nil, err
	}
	return kadm.NewClient(client), nil
}

// Stored returns how many messages a topic's partitions have taken.
func (s *System) Stored(ctx context.Context, topic string) (int, error) {
	admin, err := s.Admin()
	if err != nil {
		return 0, err
	}
	defer admin.Close()
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return 0, err
	}
	if err := ends.Error(); err != nil {
		return 0, err
	}
	sum := 0
	ends.Each(func(o kadm.ListedOffset) { sum += int(o.Offset) })
	return sum, nil
}

// KafkaAdmin runs the example's kafka-admin and returns what it printed.
func (s *System) KafkaAdmin(ctx context.Context, args ...string) (string, error) {
	c := exec.CommandContext(ctx, s.parts.Admin, args...)
	c.Env = append(os.Environ(), "KAFKA_BOOTSTRAP_SERVERS="+s.Bootstrap())
	out, err := c.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("kafka-admin %s: %w: %s", args[0], err, out)
	}
	return string(out), nil
}
