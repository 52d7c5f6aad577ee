// Package config reads what the scaler is told to do, from a file or from
// flags, and checks it. What it returns is complete and free of contradictions,
// so that its users need not check it again.
package config

//go:generate go test -run "IsTheTags|IsTheParsers" -update .

import (
	"net/url"
	"time"

	commoncfg "github.com/prometheus/common/config"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/calendar"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// Config is a valid configuration.
type Config struct {
	Prometheus Prometheus // of targets that do not name their own
	Targets    []Target   // at least one; names and workloads are unique
}

// Prometheus says how to reach the server.
type Prometheus struct {
	URL  *url.URL // its query parameters go with every request
	HTTP commoncfg.HTTPClientConfig
}

// Redacted returns the address without what may be secret: a password, and the
// values of query parameters.
func (p Prometheus) Redacted() string {
	address := *p.URL
	query := address.Query()
	for _, values := range query {
		for i := range values {
			values[i] = "xxxxx"
		}
	}
	address.RawQuery = query.Encode()
	return address.Redacted()
}

// Target is a workload or a group of workloads, the queries for its load, and
// the policy.
type Target struct {
	Name             string
	Workload         workload.Ref // of a group: without what the labels name
	Group            *Group       // nil for one workload
	Prometheus       *Prometheus  // that answers the queries; nil for the one that answers all others
	Queries          []Query      // one for each of the policy's triggers, in their order
	MaxReplicasQuery string       // PromQL that caps scale-up; "" for none
	Policy           decide.Policy
	Calendar         calendar.Calendar // nil for none
	Interval         time.Duration
	BusyPods         *BusyPods      // tells which Pods work; nil if no step down asks for it
	Pause            workload.Pause // steps that are not taken
	DryRun           bool           // never write; log what would be done
	AllowFlapping    bool           // accept a rule that flaps at a constant load
}

// Server returns the Prometheus that answers a target's queries.
func (c Config) Server(t Target) Prometheus {
	if t.Prometheus != nil {
		return *t.Prometheus
	}
	return c.Prometheus
}

// listed reports whether the file has a list of triggers, not one query.
func (t Target) listed() bool { return t.Policy.Triggers[0].Name != "" }

// Query is what Prometheus evaluates.
type Query struct {
	PromQL    string
	Timestamp string // PromQL of its sample's time; "" if the query itself tells it
	Zero      bool   // an empty answer is 0
}

// BusyPods is a query for how busy each Pod is.
type BusyPods struct {
	PromQL   string
	PodLabel string // that has the Pod's name
}

// Group names the labels of a query's result that name a value's workload.
type Group struct {
	NamespaceLabel string // "" if all workloads are in the target's namespace
	NameLabel      string
}

// DefaultQuery is the query of a target that names none: what the exporter
// counts.
const DefaultQuery = `camunda_process_instances_recently_started{window="10s"}`

// DefaultTimestampQuery goes with DefaultQuery. It is the end of the window
// that was counted, so that a count which the exporter could not renew grows
// old; the scrape's time where the exporter's clock is ahead, or where it does
// not export the window's end.
const DefaultTimestampQuery = `max(camunda_window_end_timestamp_seconds < timestamp(camunda_window_end_timestamp_seconds))` +
	` or max(timestamp(` + DefaultQuery + `))`
