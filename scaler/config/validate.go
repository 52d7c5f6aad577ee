package config

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// minInterval keeps a slip of the pen from flooding Prometheus.
const minInterval = time.Second

// fault is one thing that is wrong with the value at path, which is made of
// the keys of the file.
type fault struct {
	path []string
	err  error
}

// check returns all that is wrong with a target.
func (t Target) check() []fault {
	var faults []fault
	add := func(err error, path ...string) {
		if err != nil {
			faults = append(faults, fault{path, err})
		}
	}
	add(checkWorkload(t.Workload), "workload")
	if strings.TrimSpace(t.Query) == "" {
		add(errors.New("query is empty: want PromQL that gives one number"), "query")
	}
	for _, err := range flatten(t.Rule.Validate()) {
		add(err, "rule")
	}
	if t.Interval < minInterval {
		add(fmt.Errorf("interval is %s: want %s or more", t.Interval, minInterval), "interval")
	}
	if t.MaxSampleAge < t.Interval {
		add(fmt.Errorf("max_sample_age %s is below the interval %s: between two samples every one would be too old; want at least the interval", t.MaxSampleAge, t.Interval), "max_sample_age")
	}
	return faults
}

func flatten(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

var kindPattern = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)

func checkWorkload(w workload.Ref) error {
	if gv, err := schema.ParseGroupVersion(w.APIVersion); err != nil || gv.Version == "" {
		return fmt.Errorf("api_version %q: want group/version, for example apps/v1", w.APIVersion)
	}
	if !kindPattern.MatchString(w.Kind) {
		return fmt.Errorf("kind %q: want a kind as in a manifest, for example Deployment", w.Kind)
	}
	if problems := utilvalidation.IsDNS1123Label(w.Namespace); len(problems) > 0 {
		return fmt.Errorf("namespace %q: %s", w.Namespace, problems[0])
	}
	if problems := validation.NameIsDNSSubdomain(w.Name, false); len(problems) > 0 {
		return fmt.Errorf("name %q: %s", w.Name, problems[0])
	}
	return nil
}

// parseURL returns Prometheus's address.
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("url %q: %w", s, err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("url %q: want http://host:port or https://host:port", s)
	}
	if u.Fragment != "" {
		return nil, fmt.Errorf("url %q: want no #fragment", s)
	}
	return u, nil
}
