package topics

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-kit/log"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/admin/fresh"
)

// Spread moves replicas until each broker has its share and those in away have none.
// It returns when all moves are done.
func Spread(ctx context.Context, admin *kadm.Client, away []int32, logger log.Logger) error {
	state, err := admin.Metadata(fresh.Context(ctx))
	if err != nil {
		return err
	}
	// While a partition moves, it has the replicas of before and after.
	if err := awaitMoves(ctx, admin, state.Topics.TopicsSet()); err != nil {
		return err
	}
	if state, err = admin.Metadata(fresh.Context(ctx)); err != nil {
		return err
	}
	keep := slices.DeleteFunc(state.Brokers.NodeIDs(), func(id int32) bool { return slices.Contains(away, id) })
	var all []kadm.PartitionDetail
	for _, t := range state.Topics.Sorted() {
		all = append(all, t.Partitions.Sorted()...)
	}
	moves, err := plan(all, keep)
	if err != nil {
		return err
	}
	var request kadm.AlterPartitionAssignmentsReq
	var moving kadm.TopicsSet
	for _, m := range moves {
		moving.Add(m.Topic, m.Partition)
		logger.Log("level", "info", "msg", "moving", "topic", m.Topic, "partition", m.Partition, "to", fmt.Sprint(m.Replicas))
		request.Assign(m.Topic, m.Partition, m.Replicas)
	}
	answer, err := admin.AlterPartitionAssignments(ctx, request)
	if err != nil {
		return fmt.Errorf("moving replicas: %w", err)
	}
	if err := answer.Error(); err != nil {
		return fmt.Errorf("moving replicas: %w", err)
	}
	if err := awaitMoves(ctx, admin, moving); err != nil {
		return err
	}
	logger.Log("level", "info", "msg", "replicas are spread", "moved", len(moves), "brokers", fmt.Sprint(keep))
	return nil
}

// awaitMoves waits until none of the partitions moves.
func awaitMoves(ctx context.Context, admin *kadm.Client, partitions kadm.TopicsSet) error {
	for {
		running, err := admin.ListPartitionReassignments(ctx, partitions)
		if err != nil {
			return fmt.Errorf("waiting for moves: %w", err)
		}
		if len(running) == 0 {
			return nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fmt.Errorf("waiting for moves, which go on without this program: %w", ctx.Err())
		}
	}
}

// plan returns the partitions that need other replicas, with these. It moves as
// few replicas as it takes: those of brokers that are to be empty, then one at a
// time from the broker with most to the one with fewest.
func plan(partitions []kadm.PartitionDetail, keep []int32) ([]kadm.PartitionDetail, error) {
	load := map[int32]int{}
	for _, id := range keep {
		load[id] = 0
	}
	now := make([]kadm.PartitionDetail, len(partitions))
	for i, p := range partitions {
		if len(p.Replicas) > len(keep) {
			return nil, fmt.Errorf("%s/%d has %d replicas, and %d brokers are to stay: not enough", p.Topic, p.Partition, len(p.Replicas), len(keep))
		}
		now[i] = p
		now[i].Replicas = slices.Clone(p.Replicas)
		for _, id := range p.Replicas {
			if slices.Contains(keep, id) {
				load[id]++
			}
		}
	}
	// fewest returns the broker with the fewest replicas that has none of a partition.
	fewest := func(not []int32) int32 {
		best := int32(-1)
		for _, id := range keep {
			if !slices.Contains(not, id) && (best < 0 || load[id] < load[best]) {
				best = id
			}
		}
		return best
	}
	for i := range now {
		for j, id := range now[i].Replicas {
			if !slices.Contains(keep, id) {
				to := fewest(now[i].Replicas)
				now[i].Replicas[j] = to
				load[to]++
			}
		}
	}
	for move := true; move; {
		move = false
		for i := range now {
			to := fewest(now[i].Replicas)
			for j, from := range now[i].Replicas {
				if to >= 0 && load[from] > load[to]+1 {
					now[i].Replicas[j] = to
					load[from]--
					load[to]++
					move = true
					break
				}
			}
		}
	}
	return changed(partitions, now), nil
}

func changed(before, after []kadm.PartitionDetail) []kadm.PartitionDetail {
	var moves []kadm.PartitionDetail
	for i := range after {
		if !slices.Equal(before[i].Replicas, after[i].Replicas) {
			moves = append(moves, after[i])
		}
	}
	return moves
}
