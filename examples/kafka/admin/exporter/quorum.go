package exporter

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/admin/fresh"
)

// quorum exports what the active controller says of the controllers. Metadata
// cannot tell: with KRaft, brokers name any live broker as the controller.
func (e *Exporter) quorum(ctx context.Context, ch chan<- prometheus.Metric) error {
	request := kmsg.NewPtrDescribeQuorumRequest()
	topic := kmsg.NewDescribeQuorumRequestTopic()
	topic.Topic = "__cluster_metadata"
	topic.Partitions = append(topic.Partitions, kmsg.NewDescribeQuorumRequestTopicPartition())
	request.Topics = append(request.Topics, topic)
	response, err := request.RequestWith(ctx, e.client)
	if err != nil {
		return err
	}
	return sendQuorum(ch, response)
}

func sendQuorum(ch chan<- prometheus.Metric, response *kmsg.DescribeQuorumResponse) error {
	if err := kerr.ErrorForCode(response.ErrorCode); err != nil {
		return err
	}
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return errors.New("the answer does not describe the quorum")
	}
	p := response.Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
		return err
	}
	if p.LeaderID < 0 {
		return errors.New("the quorum has no leader")
	}
	quorumLeader.send(ch, int(p.LeaderID))
	quorumEpoch.send(ch, int(p.LeaderEpoch))
	quorumVoters.send(ch, len(p.CurrentVoters))
	for _, v := range p.CurrentVoters {
		if v.LogEndOffset >= 0 {
			quorumBehind.send(ch, int(max(0, p.HighWatermark-v.LogEndOffset)), strconv.Itoa(int(v.ReplicaID)))
		}
	}
	return nil
}

const metadataVersion = "metadata.version"

// features exports the metadata.version that is in force, and what each broker
// supports: a newer one means that an upgrade is not finished.
func (e *Exporter) features(ctx context.Context, ch chan<- prometheus.Metric) error {
	versions, err := e.admin.ApiVersions(fresh.Context(ctx))
	if err != nil {
		return err
	}
	newest := int64(-1)
	level := int16(0)
	for _, broker := range versions.Sorted() {
		if broker.Err != nil {
			err = firstError(err, fmt.Errorf("broker %d: %w", broker.NodeID, broker.Err))
			continue
		}
		raw := broker.Raw()
		for _, f := range raw.SupportedFeatures {
			if f.Name == metadataVersion {
				versionSupported.send(ch, int(f.MaxVersion), strconv.Itoa(int(broker.NodeID)))
			}
		}
		for _, f := range raw.FinalizedFeatures {
			if f.Name == metadataVersion && raw.FinalizedFeaturesEpoch > newest {
				newest, level = raw.FinalizedFeaturesEpoch, f.MaxVersionLevel
			}
		}
	}
	if newest >= 0 {
		version.send(ch, int(level))
	}
	return err
}
