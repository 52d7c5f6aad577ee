package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	commoncfg "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// The file's shape. Every key is optional but targets.
type file struct {
	Prometheus   filePrometheus `yaml:"prometheus"`
	Interval     model.Duration `yaml:"interval"`
	MaxSampleAge model.Duration `yaml:"max_sample_age"`
	Targets      []fileTarget   `yaml:"targets"`
}

type filePrometheus struct {
	URL    string                     `yaml:"url"`
	Params map[string][]string        `yaml:"params"`
	HTTP   commoncfg.HTTPClientConfig `yaml:"http_client"`
}

type fileTarget struct {
	Name           string       `yaml:"name"`
	Workload       fileWorkload `yaml:"workload"`
	Query          string       `yaml:"query"`
	TimestampQuery string       `yaml:"timestamp_query"`
	Rule           fileRule     `yaml:"rule"`
	DryRun         bool         `yaml:"dry_run"`
	Paused         bool         `yaml:"paused"`
}

type fileWorkload struct {
	APIVersion string `yaml:"api_version"`
	Kind       string `yaml:"kind"`
	Namespace  string `yaml:"namespace"`
	Name       string `yaml:"name"`
}

type fileRule struct {
	Type        string  `yaml:"type"`
	ScaleUpAt   float64 `yaml:"scale_up_at"`
	ScaleDownAt float64 `yaml:"scale_down_at"`
	MinReplicas int32   `yaml:"min_replicas"`
	MaxReplicas int32   `yaml:"max_replicas"`

	AllowFlapping bool `yaml:"allow_flapping"`
}

// setDefaults is called before a target's keys are read.
func (t *fileTarget) setDefaults() {
	rule, limits := decide.DefaultRule(), decide.DefaultLimits()
	*t = fileTarget{
		Workload: fileWorkload{DefaultAPIVersion, DefaultKind, DefaultNamespace, DefaultName},
		Query:    DefaultQuery,
		Rule:     fileRule{"step", rule.ScaleUpAt, rule.ScaleDownAt, limits.Min, limits.Max, false},
	}
}

// Load reads a file. The error has a line for everything that is wrong, each
// beginning with the file's name and the line's number.
func Load(path string) (Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration: %w", err)
	}
	c, err := Parse(path, text)
	if err != nil {
		return Config{}, err
	}
	c.Prometheus.HTTP.SetDirectory(filepath.Dir(path))
	return c, nil
}

// Parse reads the text of a file; name is for its errors.
func Parse(name string, text []byte) (Config, error) {
	f := file{
		Prometheus:   filePrometheus{URL: DefaultPrometheusURL, HTTP: commoncfg.DefaultHTTPClientConfig},
		Interval:     model.Duration(DefaultInterval),
		MaxSampleAge: model.Duration(DefaultMaxSampleAge),
	}
	doc := decode(text, &f)
	var c Config
	if doc.ok() { // what could not be read cannot be checked
		c = f.compile(doc)
	}
	if !doc.ok() {
		return Config{}, doc.err(name)
	}
	return c, nil
}

// compile makes the configuration, and reports to doc what is wrong.
func (f file) compile(doc *document) Config {
	c := Config{Prometheus: Prometheus{HTTP: f.Prometheus.HTTP}}
	address, err := parseURL(f.Prometheus.URL)
	if err != nil {
		doc.fault(err, "prometheus", "url")
	} else {
		query := address.Query()
		for name, values := range f.Prometheus.Params {
			query[name] = values
		}
		address.RawQuery = query.Encode()
		c.Prometheus.URL = address
	}
	if len(f.Targets) == 0 {
		doc.fault(errors.New("no targets: want one or more under targets"), "targets")
	}
	for _, fault := range checkTimes(time.Duration(f.Interval), time.Duration(f.MaxSampleAge)) {
		doc.fault(fault.err, fault.path...)
	}
	names, workloads := map[string]int{}, map[workload.Ref]int{}
	for i, ft := range f.Targets {
		t := ft.compile(f)
		at := []string{"targets", fmt.Sprint(i)}
		for _, fault := range t.check() {
			doc.fault(fault.err, append(at, fault.path...)...)
		}
		if ft.Rule.Type != "step" {
			doc.fault(fmt.Errorf("type %q: want step, the only rule there is", ft.Rule.Type), append(at, "rule", "type")...)
		}
		if first, ok := names[t.Name]; ok {
			doc.fault(fmt.Errorf("the name %q is taken by the target on line %d: want another name", t.Name, first), append(at, "name")...)
		}
		if first, ok := workloads[t.Workload]; ok {
			doc.fault(fmt.Errorf("%s in namespace %s is scaled by the target on line %d already: want one target per workload", t.Workload, t.Workload.Namespace, first), append(at, "workload")...)
		}
		names[t.Name], workloads[t.Workload] = doc.line(at...), doc.line(at...)
		c.Targets = append(c.Targets, t)
	}
	return c
}

func (t fileTarget) compile(f file) Target {
	name := t.Name
	if name == "" {
		name = t.Workload.Name
	}
	policy := decide.DefaultPolicy()
	policy.Triggers[0].Rule.ScaleUpAt, policy.Triggers[0].Rule.ScaleDownAt = t.Rule.ScaleUpAt, t.Rule.ScaleDownAt
	policy.Limits = decide.Limits{Min: t.Rule.MinReplicas, Max: t.Rule.MaxReplicas}
	policy.MaxSampleAge = time.Duration(f.MaxSampleAge)
	return Target{
		Name:          name,
		Workload:      workload.Ref(t.Workload),
		Queries:       []Query{{PromQL: t.Query, Timestamp: strings.TrimSpace(t.TimestampQuery)}},
		Policy:        policy,
		Interval:      time.Duration(f.Interval),
		DryRun:        t.DryRun,
		Paused:        t.Paused,
		AllowFlapping: t.Rule.AllowFlapping,
	}
}
