package config

import (
	"errors"
	"fmt"
	"strings"
	"time"

	commoncfg "github.com/prometheus/common/config"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// Single is the configuration of one target without a file.
type Single struct {
	PrometheusURL        string
	PrometheusConfigFile string // an HTTPClientConfig; "" for the defaults
	Workload             workload.Ref
	Query                string
	TimestampQuery       string // "" is the default's, of DefaultQuery alone
	Rule                 decide.Rule
	Limits               decide.Limits
	AllowFlapping        bool
	Interval             time.Duration
	MaxSampleAge         *time.Duration // nil follows the samples' spacing
}

// Config checks the parts and puts them together.
func (s Single) Config() (Config, error) {
	var errs []error
	c := Config{Prometheus: Prometheus{HTTP: commoncfg.DefaultHTTPClientConfig}}
	address, err := parseURL(s.PrometheusURL)
	if err != nil {
		errs = append(errs, fmt.Errorf("--prometheus.url: %w", err))
	}
	c.Prometheus.URL = address
	if s.PrometheusConfigFile != "" {
		http, _, err := commoncfg.LoadHTTPConfigFile(s.PrometheusConfigFile)
		if err != nil {
			errs = append(errs, fmt.Errorf("read Prometheus's HTTP options from %s: %w", s.PrometheusConfigFile, err))
		} else {
			c.Prometheus.HTTP = *http
			for _, f := range checkSecrets(*http) {
				errs = append(errs, fmt.Errorf("%s: %s: %w", s.PrometheusConfigFile, dotted(f.path), f.err))
			}
		}
	}
	policy := decide.DefaultPolicy()
	policy.Triggers[0].Rule, policy.Limits = s.Rule, s.Limits
	if s.MaxSampleAge != nil {
		policy.MaxSampleAge = *s.MaxSampleAge
	}
	t := Target{
		Name: s.Workload.Name, Workload: s.Workload,
		Queries: []Query{newQuery(s.Query, s.TimestampQuery, "")},
		Policy:  policy, AllowFlapping: s.AllowFlapping, Interval: s.Interval,
	}
	for _, f := range append(t.check(false), checkTimes(s.Interval, s.MaxSampleAge)...) {
		errs = append(errs, fmt.Errorf("--%s: %w", flagName(f.path), f.err))
	}
	if len(errs) > 0 {
		return Config{}, errors.Join(errs...)
	}
	c.Targets = []Target{t}
	return c, nil
}

// flagName returns the flag for what a file has at path: rule.scale-up-at for
// rule and scale_up_at.
func flagName(path []string) string {
	name := strings.ReplaceAll(strings.Join(path, "."), "_", "-")
	return strings.Replace(name, "workload.", "target.", 1)
}
