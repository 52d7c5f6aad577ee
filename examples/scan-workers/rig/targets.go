package rig

// Gentle is a target of the scaler that goes to 0, and ends idle workers first.
func Gentle() Object {
	return Object{
		"rule":                Object{"type": "target", "value_per_replica": 1, "min_replicas": 0, "max_replicas": 12},
		"scale_to_zero_delay": "10s",
		"busy_pods": Object{
			"query":         `sum by (pod) (scan_jobs_in_progress{namespace="` + Namespace + `"})`,
			"wait_for_idle": "10m",
		},
	}
}
