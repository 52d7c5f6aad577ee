package config

import (
	"fmt"
	"os"
	"path/filepath"

	commoncfg "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/calendar"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
)

// The file's shape. Every key is optional but targets. What is nil or "" was
// left out.
type file struct {
	Prometheus   filePrometheus  `yaml:"prometheus"`
	Interval     model.Duration  `yaml:"interval"`
	MaxSampleAge *model.Duration `yaml:"max_sample_age,omitempty"` // nil follows the samples' spacing
	Targets      []fileTarget    `yaml:"targets"`
}

type filePrometheus struct {
	URL    string                     `yaml:"url"`
	Params map[string][]string        `yaml:"params"`
	HTTP   commoncfg.HTTPClientConfig `yaml:"http_client"`
}

type fileTarget struct {
	Name             string         `yaml:"name"`
	Workload         *fileWorkload  `yaml:"workload,omitempty"`
	Workloads        *fileWorkloads `yaml:"workloads,omitempty"`
	Query            *string        `yaml:"query,omitempty"`
	TimestampQuery   string         `yaml:"timestamp_query,omitempty"`
	OnNoData         onNoData       `yaml:"on_no_data,omitempty"`
	FallbackReplicas *int32         `yaml:"fallback_replicas,omitempty"`
	Triggers         []fileTrigger  `yaml:"triggers,omitempty"`
	Rule             fileRule       `yaml:"rule"`

	ScaleUpDelay      model.Duration `yaml:"scale_up_delay"`
	ScaleDownDelay    model.Duration `yaml:"scale_down_delay"`
	ScaleDownCoverage model.Duration `yaml:"scale_down_coverage"`
	HoldAfterStart    model.Duration `yaml:"hold_after_start"`
	WaitForReady      bool           `yaml:"wait_for_ready"`

	Calendar []fileWindow `yaml:"calendar,omitempty"`
	DryRun   bool         `yaml:"dry_run"`
	Paused   bool         `yaml:"paused"`
}

type fileWorkload struct {
	APIVersion string `yaml:"api_version"`
	Kind       string `yaml:"kind"`
	Namespace  string `yaml:"namespace"`
	Name       string `yaml:"name"`
}

type fileWorkloads struct {
	APIVersion     string `yaml:"api_version"`
	Kind           string `yaml:"kind"`
	Namespace      string `yaml:"namespace,omitempty"`
	NamespaceLabel string `yaml:"namespace_label,omitempty"`
	NameLabel      string `yaml:"name_label"`
}

type fileTrigger struct {
	Name             string         `yaml:"name"`
	Query            *string        `yaml:"query"`
	TimestampQuery   string         `yaml:"timestamp_query,omitempty"`
	Optional         bool           `yaml:"optional"`
	OnNoData         onNoData       `yaml:"on_no_data"`
	FallbackReplicas *int32         `yaml:"fallback_replicas,omitempty"`
	Rule             fileThresholds `yaml:"rule"`
}

// fileThresholds turn a number into replicas.
type fileThresholds struct {
	Type            ruleType `yaml:"type,omitempty"`
	ScaleUpAt       *float64 `yaml:"scale_up_at,omitempty"`
	ScaleDownAt     *float64 `yaml:"scale_down_at,omitempty"`
	ValuePerReplica *float64 `yaml:"value_per_replica,omitempty"`
	Per             per      `yaml:"per,omitempty"`
}

type fileRule struct {
	fileThresholds `yaml:",inline"` // not with triggers, which have their own

	StepUp           *int32  `yaml:"step_up,omitempty"`
	StepDown         *int32  `yaml:"step_down,omitempty"`
	MinReplicas      int32   `yaml:"min_replicas"`
	MaxReplicas      int32   `yaml:"max_replicas"`
	MaxReplicasQuery *string `yaml:"max_replicas_query,omitempty"`
	AllowFlapping    bool    `yaml:"allow_flapping"`
}

type fileWindow struct {
	Name        string         `yaml:"name"`
	Location    string         `yaml:"location"`
	Times       calendar.Times `yaml:"times"`
	MinReplicas *int32         `yaml:"min_replicas,omitempty"`
	MaxReplicas *int32         `yaml:"max_replicas,omitempty"`
}

// The words that a file may use.
type (
	ruleType string
	per      string
	onNoData string
)

const (
	perReplica per = "replica"
	perTotal   per = "total"
)

func (ruleType) words() (words []string) {
	for _, kind := range decide.Kinds() {
		words = append(words, string(kind))
	}
	return words
}
func (per) words() []string { return []string{string(perReplica), string(perTotal)} }
func (onNoData) words() []string {
	return []string{string(decide.HoldOnNoData), string(decide.ZeroOnNoData), string(decide.FallbackOnNoData)}
}

// setDefaults is called before the keys are read.
func (t *fileTarget) setDefaults() {
	limits := decide.DefaultLimits()
	t.Rule.MinReplicas, t.Rule.MaxReplicas = limits.Min, limits.Max
}

func (w *fileWorkload) setDefaults() {
	*w = fileWorkload{DefaultAPIVersion, DefaultKind, DefaultNamespace, DefaultName}
}

func (w *fileWorkloads) setDefaults() {
	w.APIVersion, w.Kind = DefaultAPIVersion, DefaultKind
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
	c.setDirectory(filepath.Dir(path))
	return c, nil
}

// setDirectory makes the files that the options name relative to a folder.
func (c *Config) setDirectory(folder string) {
	c.Prometheus.HTTP.SetDirectory(folder)
	if o := c.Prometheus.HTTP.OAuth2; o != nil { // which the library leaves out
		o.ClientCertificateKeyFile = commoncfg.JoinDir(folder, o.ClientCertificateKeyFile)
	}
}

// Parse reads the text of a file; name is for its errors.
func Parse(name string, text []byte) (Config, error) {
	c, doc := parse(text)
	if !doc.ok() {
		return Config{}, doc.err(name)
	}
	return c, nil
}

// parse reads the text of a file; the configuration is valid if the document
// is ok.
func parse(text []byte) (Config, *document) {
	f := file{
		Prometheus: filePrometheus{URL: DefaultPrometheusURL, HTTP: commoncfg.DefaultHTTPClientConfig},
		Interval:   model.Duration(DefaultInterval),
	}
	doc := decode(text, &f)
	var c Config
	if doc.ok() { // what could not be read cannot be checked
		c = f.compile(doc)
	}
	return c, doc
}
