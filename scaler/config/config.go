// Package config reads what the scaler is told to do, and checks it. What it
// returns is complete and free of contradictions, so that nothing that uses
// it has to look again.
package config

import (
	"net/url"
	"time"

	commoncfg "github.com/prometheus/common/config"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// Config is a valid configuration.
type Config struct {
	Prometheus Prometheus
	Targets    []Target // at least one; names and workloads are unique
}

// Prometheus says how to reach the server.
type Prometheus struct {
	URL  *url.URL // its query parameters go with every request
	HTTP commoncfg.HTTPClientConfig
}

// Target is one workload, the query that tells its load, and the rule.
type Target struct {
	Name           string
	Workload       workload.Ref
	Query          string
	TimestampQuery string // "" if the query itself tells its sample's time
	Rule           decide.Rule
	Interval       time.Duration
	MaxSampleAge   time.Duration
	DryRun         bool // never write; say what would be done
	Paused         bool // never write
	AllowFlapping  bool // the rule may go up and down for ever at a constant load
}

// The defaults, with which the scaler does the job that it was made for.
const (
	DefaultPrometheusURL = "http://prometheus:9090"
	DefaultQuery         = `camunda_process_instances_recently_started{window="10s"}`
	DefaultInterval      = 10 * time.Second
	DefaultMaxSampleAge  = 30 * time.Second
	DefaultAPIVersion    = "apps/v1"
	DefaultKind          = "Deployment"
	DefaultNamespace     = "default"
	DefaultName          = "camunda-deployment"
)
