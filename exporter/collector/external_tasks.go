package collector

import (
	"context"
	"slices"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
)

// maxTopics bounds the topics that have series, if none are listed.
const maxTopics = 20

var externalTaskStates = []struct {
	state camunda.ExternalTaskState
	label string
}{
	{camunda.TasksUnlocked, "unlocked"},
	{camunda.TasksLocked, "locked"},
	{camunda.TasksOutOfRetries, "out_of_retries"},
}

func externalTasks() Optional {
	return Optional{Name: "external-tasks", Help: "Count external tasks by topic. Each topic costs three requests.", prepare: func(p parts) prepared {
		tasks := desc("camunda_external_tasks",
			"External tasks of a topic: unlocked (they wait for a worker), locked (a worker has them) or out_of_retries. A topic that was found keeps its series; at most 20 have, unless topics are listed.",
			"topic", "state")
		topics := desc("camunda_external_task_topics", "Topics that have external tasks, those without series included. Absent if topics are listed.")
		seen := &seenTopics{}
		return prepared{refresh: func(ctx context.Context) (r reading, err error) {
			exported := p.Topics
			busy := p.Topics
			if len(p.Topics) == 0 {
				if busy, err = p.engine.Topics(ctx); err != nil {
					return reading{}, err
				}
				r.count(topics, uint64(len(busy)))
				exported = seen.add(busy)
			}
			for _, topic := range exported {
				for _, s := range externalTaskStates {
					if !slices.Contains(busy, topic) {
						r.gauge(tasks, 0, topic, s.label) // it has no tasks, or the engine would list it
						continue
					}
					n, err := p.engine.CountExternalTasks(ctx, topic, s.state, p.Counted.Tenants)
					if err != nil {
						return reading{}, err
					}
					r.count(tasks, n, topic, s.label)
				}
			}
			return r, nil
		}}
	}}
}

// seenTopics are the topics that have series: those that were found first. They
// keep them, so that a topic without tasks is 0.
type seenTopics struct{ topics []string }

// add returns all topics that have series, sorted, after these were found.
func (s *seenTopics) add(found []string) []string {
	slices.Sort(found)
	for _, topic := range found {
		if len(s.topics) < maxTopics && !slices.Contains(s.topics, topic) {
			s.topics = append(s.topics, topic)
		}
	}
	slices.Sort(s.topics)
	return s.topics
}
