// Package exporter exports the state of a Kafka cluster and the lag of its
// consumer groups. Series that kafka_exporter has too have its names and labels,
// so dashboards made for it keep working.
package exporter

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/admin/fresh"
)

// The parts of a scrape. What a part does not know is left out, and its
// kafka_collector_success is 0.
const (
	cluster  = "cluster"  // brokers, topics, replicas
	configs  = "configs"  // min.insync.replicas
	offsets  = "offsets"  // first and last of each partition
	groups   = "groups"   // members, committed offsets, lag
	quorum   = "quorum"   // the controllers
	features = "features" // metadata.version
)

// Exporter is a prometheus.Collector that asks the cluster at each scrape.
type Exporter struct {
	client   *kgo.Client
	admin    *kadm.Client
	expected int
	timeout  time.Duration
	logger   log.Logger
}

// New returns a collector for the client's cluster, which should have the
// expected number of brokers. A scrape takes no longer than timeout.
func New(client *kgo.Client, expected int, timeout time.Duration, logger log.Logger) *Exporter {
	return &Exporter{client: client, admin: kadm.NewClient(client), expected: expected, timeout: timeout, logger: logger}
}

// Describe implements prometheus.Collector.
func (e *Exporter) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range all {
		ch <- d.desc
	}
}

// Collect implements prometheus.Collector.
func (e *Exporter) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), e.timeout)
	defer cancel()
	brokersExpected.send(ch, e.expected)
	state, err := e.admin.Metadata(fresh.Context(ctx))
	e.report(ch, cluster, err)
	if err != nil {
		up.send(ch, 0)
		for _, part := range []string{configs, offsets, groups, quorum, features} {
			success.send(ch, 0, part)
		}
		return
	}
	up.send(ch, 1)
	sendCluster(ch, state)
	var names []string
	for _, t := range state.Topics.Sorted() {
		if !t.IsInternal {
			names = append(names, t.Topic)
		}
	}
	// The quorum may have lost its leader, and is then asked until the timeout.
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.report(ch, quorum, e.quorum(ctx, ch))
	}()
	e.report(ch, configs, e.configs(ctx, ch, names))
	e.report(ch, offsets, e.offsets(ctx, ch, names))
	e.report(ch, groups, e.groups(ctx, ch))
	e.report(ch, features, e.features(ctx, ch))
	<-done
}

func (e *Exporter) report(ch chan<- prometheus.Metric, part string, err error) {
	if err != nil {
		e.logger.Log("level", "warn", "msg", "part of a scrape failed", "part", part, "err", err)
		success.send(ch, 0, part)
		return
	}
	success.send(ch, 1, part)
}

func sendCluster(ch chan<- prometheus.Metric, m kadm.Metadata) {
	brokers.send(ch, len(m.Brokers))
	for _, b := range m.Brokers {
		rack := ""
		if b.Rack != nil {
			rack = *b.Rack
		}
		brokerInfo.send(ch, 1, strconv.Itoa(int(b.NodeID)), fmt.Sprintf("%s:%d", b.Host, b.Port), rack)
	}
	for _, t := range m.Topics.Sorted() {
		if t.Err != nil {
			continue
		}
		partitions.send(ch, len(t.Partitions), t.Topic)
		for _, p := range t.Partitions.Sorted() {
			id := strconv.Itoa(int(p.Partition))
			leader.send(ch, int(p.Leader), t.Topic, id)
			replicas.send(ch, len(p.Replicas), t.Topic, id)
			inSync.send(ch, len(p.ISR), t.Topic, id)
			underReplicated.send(ch, btoi(len(p.ISR) < len(p.Replicas)), t.Topic, id)
		}
	}
}

func (e *Exporter) configs(ctx context.Context, ch chan<- prometheus.Metric, names []string) error {
	found, err := e.admin.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return err
	}
	for _, topic := range found {
		for _, c := range topic.Configs {
			if c.Key != "min.insync.replicas" || c.Value == nil {
				continue
			}
			n, err := strconv.Atoi(*c.Value)
			if err != nil {
				return fmt.Errorf("min.insync.replicas of %s: %w", topic.Name, err)
			}
			minInSync.send(ch, n, topic.Name)
		}
	}
	return nil
}

func (e *Exporter) offsets(ctx context.Context, ch chan<- prometheus.Metric, names []string) error {
	if len(names) == 0 {
		return nil
	}
	starts, err := e.admin.ListStartOffsets(ctx, names...)
	if err != nil {
		return err
	}
	ends, err := e.admin.ListEndOffsets(ctx, names...)
	if err != nil {
		return err
	}
	for gauge, listed := range map[gauge]kadm.ListedOffsets{oldestOffset: starts, currentOffset: ends} {
		listed.Each(func(o kadm.ListedOffset) {
			if o.Err == nil {
				gauge.send(ch, int(o.Offset), o.Topic, strconv.Itoa(int(o.Partition)))
			}
		})
		err = firstError(err, listed.Error())
	}
	return err
}

// groups exports a group's lag on a topic only if that of all partitions is known:
// the sum of some of them would pass for a small lag. A partition of which the group
// has committed no offset is not known: kadm takes its start for one while the group
// has members, and nothing tells of it when the last one has gone.
func (e *Exporter) groups(ctx context.Context, ch chan<- prometheus.Metric) error {
	lags, err := e.admin.Lag(ctx)
	if err != nil {
		return err
	}
	for _, group := range lags.Sorted() {
		if group.Error() != nil {
			err = firstError(err, fmt.Errorf("group %s: %w", group.Group, group.Error()))
			continue
		}
		members.send(ch, len(group.Members), group.Group)
		for topic, lags := range group.Lag {
			if uncommitted(lags) {
				continue
			}
			if unknown := firstUnknown(lags); unknown != nil {
				err = firstError(err, fmt.Errorf("lag of group %s on %s/%d: %w", group.Group, topic, unknown.Partition, unknown.Err))
				continue
			}
			sum := 0
			for _, l := range lags {
				id := strconv.Itoa(int(l.Partition))
				lag.send(ch, int(l.Lag), group.Group, topic, id)
				if l.Commit.At >= 0 {
					committed.send(ch, int(l.Commit.At), group.Group, topic, id)
				}
				sum += int(l.Lag)
			}
			lagSum.send(ch, sum, group.Group, topic)
		}
	}
	return err
}

// uncommitted reports whether the group has committed no offset of a partition.
func uncommitted(lags map[int32]kadm.GroupMemberLag) bool {
	for _, l := range lags {
		if l.Err == nil && l.Commit.At < 0 {
			return true
		}
	}
	return false
}

func firstUnknown(lags map[int32]kadm.GroupMemberLag) *kadm.GroupMemberLag {
	for _, l := range lags {
		if l.Err != nil || l.Lag < 0 {
			return &l
		}
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
