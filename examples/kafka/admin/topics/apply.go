package topics

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-kit/log"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/admin/fresh"
)

const (
	metadataVersion = "metadata.version"
	upgradeOnly     = 1

	pause = time.Second
)

// Apply waits for the brokers, finishes an upgrade and makes the topics. What is
// there already stays; a difference that Kafka cannot change in place is an error.
func Apply(ctx context.Context, client *kgo.Client, file File, logger log.Logger) error {
	admin := kadm.NewClient(client)
	if err := awaitBrokers(ctx, admin, file, logger); err != nil {
		return err
	}
	if err := finishUpgrade(ctx, admin, file.MetadataVersion, logger); err != nil {
		return err
	}
	for _, t := range file.Topics {
		if err := applyTopic(ctx, admin, t, logger); err != nil {
			return fmt.Errorf("topic %s: %w", t.Name, err)
		}
	}
	return nil
}

// awaitBrokers waits until all brokers are there and support the metadata.version.
func awaitBrokers(ctx context.Context, admin *kadm.Client, file File, logger log.Logger) error {
	reason := ""
	for {
		missing := missing(ctx, admin, file)
		if missing == nil {
			return nil
		}
		if missing.Error() != reason {
			reason = missing.Error()
			logger.Log("level", "info", "msg", "waiting for brokers", "reason", reason)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fmt.Errorf("waiting for %d brokers: %w; at the end: %w", file.Brokers, ctx.Err(), missing)
		}
	}
}

func missing(ctx context.Context, admin *kadm.Client, file File) error {
	versions, err := admin.ApiVersions(fresh.Context(ctx))
	if err != nil {
		return err
	}
	if len(versions) < file.Brokers {
		return fmt.Errorf("%d of %d brokers are there", len(versions), file.Brokers)
	}
	for _, broker := range versions.Sorted() {
		if broker.Err != nil {
			return fmt.Errorf("broker %d: %w", broker.NodeID, broker.Err)
		}
		for _, f := range broker.Raw().SupportedFeatures {
			if f.Name == metadataVersion && f.MaxVersion < file.MetadataVersion {
				return fmt.Errorf("broker %d supports metadata.version %d, not %d: it runs an older Kafka", broker.NodeID, f.MaxVersion, file.MetadataVersion)
			}
		}
	}
	return nil
}

func finishUpgrade(ctx context.Context, admin *kadm.Client, level int16, logger log.Logger) error {
	if level == 0 {
		return nil
	}
	current, err := Level(ctx, admin)
	if err != nil {
		return err
	}
	switch {
	case current == level:
		return nil
	case current > level:
		return fmt.Errorf("the cluster has metadata.version %d already, and %d would be a downgrade: use kafka-features.sh", current, level)
	}
	updated, err := admin.UpdateFeatures(ctx, false, kadm.FeatureUpdate{Feature: metadataVersion, MaxVersionLevel: level, UpgradeType: upgradeOnly})
	if err := errors.Join(err, updated.Error()); err != nil {
		return fmt.Errorf("raising metadata.version from %d to %d: %w", current, level, err)
	}
	logger.Log("level", "info", "msg", "metadata.version raised", "from", current, "to", level)
	return nil
}

// Level returns the metadata.version that is in force.
func Level(ctx context.Context, admin *kadm.Client) (int16, error) {
	versions, err := admin.ApiVersions(fresh.Context(ctx))
	if err != nil {
		return 0, err
	}
	newest, level := int64(-1), int16(0)
	for _, broker := range versions.Sorted() {
		if broker.Err != nil {
			continue
		}
		raw := broker.Raw()
		for _, f := range raw.FinalizedFeatures {
			if f.Name == metadataVersion && raw.FinalizedFeaturesEpoch > newest {
				newest, level = raw.FinalizedFeaturesEpoch, f.MaxVersionLevel
			}
		}
	}
	if newest < 0 {
		return 0, errors.New("no broker tells its metadata.version")
	}
	return level, nil
}

func applyTopic(ctx context.Context, admin *kadm.Client, t Topic, logger log.Logger) error {
	config := map[string]*string{}
	for key, value := range t.Config {
		config[key] = new(value)
	}
	_, err := admin.CreateTopic(ctx, int32(t.Partitions), int16(t.Replication), config, t.Name)
	if err == nil {
		logger.Log("level", "info", "msg", "topic created", "topic", t.Name, "partitions", t.Partitions, "replication", t.Replication)
		return nil
	}
	if !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("creating it: %w", err)
	}
	found, err := admin.ListTopics(fresh.Context(ctx), t.Name)
	if err == nil {
		err = found.Error()
	}
	if err != nil {
		return fmt.Errorf("reading it: %w", err)
	}
	if err := compare(found[t.Name], t); err != nil {
		return err
	}
	if have := len(found[t.Name].Partitions); have < t.Partitions {
		changed, err := admin.UpdatePartitions(ctx, t.Partitions, t.Name)
		if err := errors.Join(err, changed.Error()); err != nil {
			return fmt.Errorf("adding partitions: %w", err)
		}
		logger.Log("level", "info", "msg", "partitions added", "topic", t.Name, "from", have, "to", t.Partitions)
	}
	return alterConfig(ctx, admin, t)
}

// compare returns what the file asks for and Kafka cannot do.
func compare(found kadm.TopicDetail, t Topic) error {
	if have := len(found.Partitions); have > t.Partitions {
		return fmt.Errorf("it has %d partitions, and Kafka cannot remove any: write %d in the file, or make another topic", have, have)
	}
	if have := found.Partitions.NumReplicas(); have != t.Replication {
		return fmt.Errorf("it has replication %d, not %d: change it with kafka-reassign-partitions.sh", have, t.Replication)
	}
	return nil
}

func alterConfig(ctx context.Context, admin *kadm.Client, t Topic) error {
	if len(t.Config) == 0 {
		return nil
	}
	var alter []kadm.AlterConfig
	for key, value := range t.Config {
		alter = append(alter, kadm.AlterConfig{Op: kadm.SetConfig, Name: key, Value: new(value)})
	}
	changed, err := admin.AlterTopicConfigs(ctx, alter, t.Name)
	for _, c := range changed {
		err = errors.Join(err, c.Err)
	}
	if err != nil {
		return fmt.Errorf("setting its config: %w", err)
	}
	return nil
}
