package rig

import (
	"fmt"
	"time"
)

// Gentle is a target of the scaler that follows the number of jobs down to 0, and
// ends idle workers first.
func Gentle(pool string, scrape time.Duration) Object {
	t := Plain(pool, scrape)
	t["busy_pods"] = Object{
		// A little longer than a scrape's interval: no old value passes for a new one.
		"query": fmt.Sprintf(`max by (pod) (last_over_time(scan_jobs_in_progress{namespace="%s", pool="%s"}[%dms]))`,
			Namespace, pool, scrape.Milliseconds()*3/2),
		"wait_for_idle": "10m",
	}
	return t
}

// Plain is the same, but leaves it to the ReplicaSet which workers end.
func Plain(string, time.Duration) Object {
	return Object{
		"rule":                Object{"type": "target", "value_per_replica": 1, "min_replicas": 0, "max_replicas": 12},
		"scale_to_zero_delay": "5s",
	}
}
