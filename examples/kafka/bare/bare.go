// Package bare starts Kafka's three nodes without Kubernetes, for work on programs
// that use it and for measurements.
package bare

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/parts"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

const (
	nodes   = 3
	timeout = 2 * time.Minute
)

// Cluster is a cluster of three nodes without Kubernetes, with the topics of the chart.
type Cluster struct {
	Bootstrap string // addresses of the brokers
	nodes     []*process.Process
}

// Start starts three nodes with all files in dir, and makes the chart's topics.
// They end when ctx does.
func Start(ctx context.Context, dir string, p parts.Parts, version string) (*Cluster, error) {
	values, err := chartValues(p)
	if err != nil {
		return nil, err
	}
	free, err := ports.Free(2 * nodes)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "config")
	if err := writeConfig(config, p, values); err != nil {
		return nil, err
	}
	var brokers, controllers, voters []string
	for i := range nodes {
		brokers = append(brokers, ports.Address(free[2*i]))
		controllers = append(controllers, ports.Address(free[2*i+1]))
		voters = append(voters, fmt.Sprintf("%d@%s:%s", i, controllers[i], uuid(i)))
	}
	b := &Cluster{Bootstrap: strings.Join(brokers, ",")}
	for i := range nodes {
		run := filepath.Join(dir, "node-"+strconv.Itoa(i))
		if err := os.MkdirAll(run, 0o755); err != nil {
			return nil, err
		}
		started, err := process.Start(ctx, process.Spec{
			Name: "Kafka node " + strconv.Itoa(i), Path: "sh", Args: []string{filepath.Join(config, "start.sh")},
			Dir: run, Log: filepath.Join(dir, fmt.Sprintf("node-%d.log", i)),
			Env: []string{
				"CONFIG_DIR=" + config, "DATA_DIR=" + run, "RUN_DIR=" + run, "KAFKA_LIBS=" + p.Kafka[version].Libs,
				"HOST=" + ports.Host, "LISTEN=" + ports.Host, "NODE_ID=" + strconv.Itoa(i), "CONTROLLERS=" + strconv.Itoa(nodes),
				"BROKER_PORT=" + strconv.Itoa(free[2*i]), "CONTROLLER_PORT=" + strconv.Itoa(free[2*i+1]), "CLUSTER_ID=" + uuid(nodes),
				"CONTROLLER_ADDRESSES=" + strings.Join(controllers, ","), "INITIAL_CONTROLLERS=" + strings.Join(voters, ","),
				"JVM_OPTIONS=" + p.Kafka[version].Options("-Xms"+values.Heap+" -Xmx"+values.Heap+" "+values.JVMOptions),
				"PATH=" + filepath.Dir(build.Java()) + ":" + os.Getenv("PATH"),
			},
		})
		if err != nil {
			return nil, err
		}
		b.nodes = append(b.nodes, started)
	}
	if err := b.apply(ctx, filepath.Join(dir, "topics"), p, values); err != nil {
		return nil, err
	}
	return b, nil
}

// apply makes the topics. It gives up when a node ends.
func (b *Cluster) apply(ctx context.Context, base string, p parts.Parts, v values) error {
	file := map[string]any{"brokers": nodes}
	var topics []map[string]any
	for _, name := range slices.Sorted(maps.Keys(v.Topics)) {
		t := maps.Clone(v.Topics[name])
		t["name"] = name
		topics = append(topics, t)
	}
	file["topics"] = topics
	text, err := yaml.Marshal(file)
	if err != nil {
		return err
	}
	if err := os.WriteFile(base+".yaml", text, 0o644); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var group errgroup.Group
	for _, n := range b.nodes {
		group.Go(func() error {
			select {
			case <-n.Exited():
				cancel()
				return n.Err()
			case <-ctx.Done():
				return nil
			}
		})
	}
	group.Go(func() error {
		defer cancel()
		return process.Run(ctx, process.Spec{
			Name: "kafka-admin apply", Path: p.Admin, Args: []string{"apply", "--file=" + base + ".yaml"}, Log: base + ".log",
			Env: []string{"KAFKA_BOOTSTRAP_SERVERS=" + b.Bootstrap},
		})
	})
	return group.Wait()
}

// Run runs a program that finds the cluster in KAFKA_BOOTSTRAP_SERVERS, and Python
// kafka-python. It returns the program's exit code.
func (b *Cluster) Run(ctx context.Context, p parts.Parts, program []string) (int, error) {
	c := exec.CommandContext(ctx, program[0], program[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.Env = append(os.Environ(), "KAFKA_BOOTSTRAP_SERVERS="+b.Bootstrap, "PYTHONPATH="+p.PythonPath())
	err := c.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// Stop ends the nodes in order.
func (b *Cluster) Stop() {
	var group errgroup.Group
	for _, n := range b.nodes {
		group.Go(func() error { n.Stop(10 * time.Second); return nil })
	}
	_ = group.Wait()
}

// values are those of the chart that matter here, with those of this machine.
type values struct {
	Heap       string
	JVMOptions string                    `yaml:"jvmOptions"`
	Topics     map[string]map[string]any `yaml:"topics"`
	Config     map[string]any            `yaml:"config"`
}

func chartValues(p parts.Parts) (values, error) {
	text, err := os.ReadFile(filepath.Join(p.Example, "helm", "kafka", "values.yaml"))
	if err != nil {
		return values{}, err
	}
	var v values
	if err := yaml.Unmarshal(text, &v); err != nil {
		return values{}, fmt.Errorf("reading the chart's values: %w", err)
	}
	local := struct{ Kafka *values }{&v}
	if err := yaml.Unmarshal([]byte(parts.LocalValues), &local); err != nil {
		return values{}, fmt.Errorf("reading local.yaml: %w", err)
	}
	return v, nil
}

// writeConfig writes what the chart's ConfigMap has.
func writeConfig(folder string, p parts.Parts, v values) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"start.sh", "log4j2.properties"} {
		text, err := os.ReadFile(filepath.Join(p.Example, "helm", "kafka", "files", name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			return err
		}
	}
	var properties strings.Builder
	for _, key := range slices.Sorted(maps.Keys(v.Config)) {
		fmt.Fprintf(&properties, "%s=%v\n", key, v.Config[key])
	}
	return os.WriteFile(filepath.Join(folder, "server.properties"), []byte(properties.String()), 0o644)
}

// uuid is an id as Kafka writes it.
func uuid(n int) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "example-kafka-%02d", n))
}
