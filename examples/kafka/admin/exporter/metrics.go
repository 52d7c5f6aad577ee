package exporter

import "github.com/prometheus/client_golang/prometheus"

// gauge describes a family of gauges.
type gauge struct{ desc *prometheus.Desc }

func newGauge(name, help string, labels ...string) gauge {
	return gauge{prometheus.NewDesc("kafka_"+name, help, labels, nil)}
}

func (g gauge) send(ch chan<- prometheus.Metric, value int, labels ...string) {
	ch <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, float64(value), labels...)
}

var (
	up      = newGauge("up", "Whether the cluster answered this scrape's first request.")
	success = newGauge("collector_success", "Whether a part of this scrape has all of its numbers; those that it does not know are left out.", "collector")

	brokers         = newGauge("brokers", "Brokers that are registered and not fenced.")
	brokersExpected = newGauge("brokers_expected", "Brokers that the cluster should have.")
	brokerInfo      = newGauge("broker_info", "A broker's address and rack.", "id", "address", "rack")

	partitions      = newGauge("topic_partitions", "Partitions of a topic.", "topic")
	leader          = newGauge("topic_partition_leader", "Broker that leads a partition; -1 if none does.", "topic", "partition")
	replicas        = newGauge("topic_partition_replicas", "Replicas of a partition.", "topic", "partition")
	inSync          = newGauge("topic_partition_in_sync_replica", "Replicas of a partition that are in sync.", "topic", "partition")
	underReplicated = newGauge("topic_partition_under_replicated_partition", "Whether a partition has replicas that are not in sync.", "topic", "partition")
	minInSync       = newGauge("topic_min_in_sync_replicas", "min.insync.replicas: with fewer, a partition refuses writes with acks=all.", "topic")
	oldestOffset    = newGauge("topic_partition_oldest_offset", "First offset of a partition.", "topic", "partition")
	currentOffset   = newGauge("topic_partition_current_offset", "Offset that the next message of a partition gets.", "topic", "partition")

	members   = newGauge("consumergroup_members", "Members of a consumer group.", "consumergroup")
	committed = newGauge("consumergroup_current_offset", "Offset that a consumer group has committed.", "consumergroup", "topic", "partition")
	lag       = newGauge("consumergroup_lag", "Messages that a consumer group has not committed; left out unless it is known for all partitions of the topic.", "consumergroup", "topic", "partition")
	lagSum    = newGauge("consumergroup_lag_sum", "Messages of all partitions that a consumer group has not committed; left out unless all are known.", "consumergroup", "topic")

	quorumLeader = newGauge("quorum_leader_id", "Node that is the active controller; left out while there is none.")
	quorumEpoch  = newGauge("quorum_leader_epoch", "Grows with each election of an active controller.")
	quorumVoters = newGauge("quorum_voters", "Controllers that vote.")
	quorumBehind = newGauge("quorum_voter_lag", "Committed records of the metadata log that a controller does not have yet.", "id")

	version          = newGauge("metadata_version", "The cluster's metadata.version.")
	versionSupported = newGauge("metadata_version_supported", "The newest metadata.version that a broker supports.", "id")

	all = []gauge{
		up, success, brokers, brokersExpected, brokerInfo, partitions, leader, replicas, inSync, underReplicated, minInSync,
		oldestOffset, currentOffset, members, committed, lag, lagSum, quorumLeader, quorumEpoch, quorumVoters, quorumBehind,
		version, versionSupported,
	}
)
