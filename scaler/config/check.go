package config

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	commoncfg "github.com/prometheus/common/config"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promql"
)

// Check loads a file as Load does, and checks more: PromQL that Prometheus would
// refuse is an error, unless dialect says that another server answers. It warns
// of what a start accepts although it is likely a mistake, one line for each
// warning. It opens no connection.
func Check(path string, dialect bool) (c Config, warnings []string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, nil, fmt.Errorf("read the configuration: %w", err)
	}
	c, doc := parse(text)
	if doc.ok() {
		c.setDirectory(filepath.Dir(path))
		c.lintPrometheus(section{doc, nil})
		c.lintTimes(doc)
		if !dialect {
			for i, t := range c.Targets {
				t.lintQueries(section{doc, []string{"targets", strconv.Itoa(i)}})
			}
		}
	}
	if !doc.ok() {
		return Config{}, nil, doc.err(path)
	}
	slices.SortFunc(doc.warnings, func(a, b remark) int { return cmp.Or(slices.Compare(a.path, b.path), strings.Compare(a.text, b.text)) }) // of one line
	return c, lines(path, doc.warnings), nil
}

// tokenName matches query parameters that usually carry a secret.
var tokenName = regexp.MustCompile(`(?i)token|secret|passw|credential|auth|api.?key|^key$`)

// lintPrometheus warns of what is wrong with how the servers are reached.
func (c Config) lintPrometheus(top section) {
	c.Prometheus.lint(top.under("prometheus"))
	for i, t := range c.Targets {
		if t.Prometheus != nil {
			t.Prometheus.lint(top.under("targets", strconv.Itoa(i), "prometheus"))
		}
	}
}

// lint warns of files that do not exist, and of secrets in the file.
func (p Prometheus) lint(at section) {
	doc := at.doc
	for name := range p.URL.Query() {
		if tokenName.MatchString(name) {
			path := at.under("params", name).path
			if !doc.has(path...) {
				path = at.under("url").path
			}
			doc.warn(path, "everyone who can read the file sees the value of the query parameter %s: a header of http_client can be read from a file of its own", name)
		}
	}
	options := at.under("http_client").path
	eachFile(reflect.ValueOf(p.HTTP), options, func(path []string, file string) {
		if _, err := os.Stat(file); err == nil {
			return
		} else if !errors.Is(err, os.ErrNotExist) {
			doc.warn(path, "%s cannot be read here: %v", file, err)
			return
		}
		without := "every query fails without it"
		if slices.Equal(path[:len(path)-1], append(slices.Clone(options), "tls_config")) {
			without = "the scaler does not start without it"
		}
		doc.warn(path, "%s does not exist here: %s", file, without)
	})
}

// eachFile calls found with every file that v names.
func eachFile(v reflect.Value, path []string, found func(path []string, file string)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			eachFile(v.Elem(), path, found)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			eachFile(v.MapIndex(key), append(slices.Clone(path), key.String()), found)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachFile(v.Index(i), path, found)
		}
	case reflect.String:
		if key := path[len(path)-1]; v.String() != "" && (strings.HasSuffix(key, "_file") || key == "files") {
			found(path, v.String())
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[commoncfg.Headers]() { // nothing but a map, inlined
			eachFile(v.Field(0), path, found)
			return
		}
		for key, field := range fieldsOf(v) {
			eachFile(field, append(slices.Clone(path), key), found)
		}
	}
}

// lintTimes warns of a sample age that leaves no room for a late scrape.
func (c Config) lintTimes(doc *document) {
	t := c.Targets[0] // all have the same
	if age := t.Policy.MaxSampleAge; age > 0 && age < 2*t.Interval {
		doc.warn([]string{"max_sample_age"}, "%s is less than two intervals (%s): one late or lost scrape makes the sample stale, and the target holds; want %s or more, or leave it out to follow the spacing of the samples",
			age, t.Interval, max(2*t.Interval, 30*time.Second))
	}
}

// lintQueries reports queries that cannot work, and warns of those whose
// samples have an unknown age.
func (t Target) lintQueries(at section) {
	var labels []string // that name a workload
	if t.Group != nil {
		for _, label := range []string{t.Group.NamespaceLabel, t.Group.NameLabel} {
			if label != "" {
				labels = append(labels, label)
			}
		}
	}
	parse := func(in section, key, text, names string, labels ...string) (promql.Query, bool) {
		q, err := promql.Parse(text)
		if err != nil {
			in.fault(key, "%v", err)
			return q, false
		}
		for _, label := range labels {
			if q.Drops(label) {
				in.fault(key, "no series has the label %s, which is to name the %s: want it in the aggregation's by (...)", label, names)
			}
		}
		return q, true
	}
	for i, q := range t.Queries {
		in := at
		if t.listed() {
			in = at.under("triggers", strconv.Itoa(i))
		}
		query, ok := parse(in, "query", q.PromQL, "workload", labels...)
		if q.Timestamp != "" {
			parse(in, "timestamp_query", q.Timestamp, "workload", labels...)
		} else if ok && !query.TellsAge() {
			example := ""
			if text := query.TimestampQuery(labels...); text != "" {
				example = ": want timestamp_query, for example " + text
			}
			in.doc.warn(in.under("query").path, "the age of its samples is unknown, so an old one would pass for new for up to five minutes%s", example)
		}
	}
	if b := t.BusyPods; b != nil {
		parse(at.under("busy_pods"), "query", b.PromQL, "Pod", b.PodLabel)
	}
	if t.MaxReplicasQuery != "" {
		parse(at.under("rule"), "max_replicas_query", t.MaxReplicasQuery, "workload", labels...)
	}
}
