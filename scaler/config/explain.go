package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prometheus/common/model"
)

// Explain says in plain words what the configuration does.
func (c Config) Explain() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Prometheus: %s\n", c.Prometheus.URL.Redacted())
	for _, t := range c.Targets {
		b.WriteByte('\n')
		t.explain(&b)
	}
	return b.String()
}

func (t Target) explain(b *strings.Builder) {
	r, limits := t.Policy.Triggers[0].Rule, t.Policy.Limits
	fmt.Fprintf(b, "%s: scales %s (%s) in namespace %s\n", t.Name, t.Workload, t.Workload.APIVersion, t.Workload.Namespace)
	fmt.Fprintf(b, "  every %s, by   %s\n", t.Interval, t.Queries[0].PromQL)
	if t.Queries[0].Timestamp != "" {
		fmt.Fprintf(b, "  sample's time  %s\n", t.Queries[0].Timestamp)
	}
	fmt.Fprintf(b, "  A sample older than %s, or none, changes nothing.\n", t.Policy.MaxSampleAge)
	fmt.Fprintf(b, "  One replica more at %v or more per replica, one less at %v or less; %d to %d replicas:\n", r.ScaleUpAt, r.ScaleDownAt, limits.Min, limits.Max)
	skipped := false
	least, most := int(limits.Min), int(limits.Max)
	for n := least; n <= most; n++ {
		if n > least+4 && n < most-1 { // the rest follows the same pattern
			if !skipped {
				fmt.Fprintln(b, "    ...")
				skipped = true
			}
			n = most - 2
			continue
		}
		var steps []string
		if n < most {
			steps = append(steps, fmt.Sprintf("up at %v or more", r.ScaleUpAt*float64(n)))
		}
		if n > least {
			steps = append(steps, fmt.Sprintf("down at %v or less", r.ScaleDownAt*float64(n)))
		}
		if len(steps) == 0 {
			steps = []string{"stays, for min_replicas is max_replicas"}
		}
		fmt.Fprintf(b, "    at %d: %s\n", n, strings.Join(steps, ", "))
	}
	if flap, ok := t.Policy.Flaps(); ok {
		fmt.Fprintf(b, "  It flaps, and allow_flapping accepts that: %s.\n", flap)
	} else {
		fmt.Fprintln(b, "  No constant load makes it go up and down for ever.")
	}
	switch {
	case t.Paused:
		fmt.Fprintln(b, "  Paused: it writes nothing.")
	case t.DryRun:
		fmt.Fprintln(b, "  Dry run: it says what it would do, and writes nothing.")
	}
}

// YAML returns the configuration as a file would have it, with its defaults,
// and with <secret> for what is secret.
func (c Config) YAML() ([]byte, error) {
	address := *c.Prometheus.URL
	params := address.Query()
	address.RawQuery = ""
	f := file{Prometheus: filePrometheus{URL: address.Redacted(), Params: params, HTTP: c.Prometheus.HTTP}}
	for _, t := range c.Targets {
		f.Interval, f.MaxSampleAge = model.Duration(t.Interval), model.Duration(t.Policy.MaxSampleAge)
		f.Targets = append(f.Targets, fileTarget{
			Name: t.Name, Workload: fileWorkload(t.Workload), Query: t.Queries[0].PromQL, TimestampQuery: t.Queries[0].Timestamp,
			Rule:   fileRule{"step", t.Policy.Triggers[0].Rule.ScaleUpAt, t.Policy.Triggers[0].Rule.ScaleDownAt, t.Policy.Limits.Min, t.Policy.Limits.Max, t.AllowFlapping},
			DryRun: t.DryRun, Paused: t.Paused,
		})
	}
	text, err := yaml.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("write the configuration as YAML: %w", err)
	}
	return text, nil
}
