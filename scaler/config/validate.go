package config

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
)

// minInterval keeps a slip of the pen from flooding Prometheus.
const minInterval = time.Second

// fault is one thing that is wrong with the value at path, which is made of
// the keys of the file.
type fault struct {
	path []string
	err  error
}

// check returns all that is wrong with a target but its times.
func (t Target) check() []fault {
	var faults []fault
	add := func(path []string, format string, args ...any) {
		faults = append(faults, fault{path, fmt.Errorf(format, args...)})
	}
	w := t.Workload
	if gv, err := schema.ParseGroupVersion(w.APIVersion); err != nil || gv.Version == "" {
		add([]string{"workload", "api_version"}, "%q: want group/version, for example apps/v1", w.APIVersion)
	}
	if !kindPattern.MatchString(w.Kind) {
		add([]string{"workload", "kind"}, "%q: want a kind as in a manifest, for example Deployment", w.Kind)
	}
	if len(utilvalidation.IsDNS1123Label(w.Namespace)) > 0 {
		add([]string{"workload", "namespace"}, "%q: want at most 63 lower-case letters, digits and inner dashes", w.Namespace)
	}
	if len(utilvalidation.IsDNS1123Subdomain(w.Name)) > 0 {
		add([]string{"workload", "name"}, "%q: want lower-case letters, digits, inner dashes and dots", w.Name)
	}
	if strings.TrimSpace(t.Queries[0].PromQL) == "" {
		add([]string{"query"}, "empty: want PromQL that gives one number")
	}
	problems := append(t.Policy.Triggers[0].Rule.Problems(), t.Policy.Limits.Problems()...)
	for _, p := range problems {
		add([]string{"rule", p.Field}, "%s", p.Problem)
	}
	if flap, ok := t.Policy.Flaps(); ok && len(problems) == 0 && !t.AllowFlapping {
		add([]string{"rule", "scale_down_at"}, "%s: want scale_down_at below %v, or allow_flapping", flap, t.Policy.FlapsFrom())
	}
	return faults
}

var kindPattern = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)

func checkTimes(interval, maxSampleAge time.Duration) []fault {
	var faults []fault
	if interval < minInterval {
		faults = append(faults, fault{[]string{"interval"}, fmt.Errorf("%s is too short: want %s or more", interval, minInterval)})
	}
	if maxSampleAge < interval {
		faults = append(faults, fault{[]string{"max_sample_age"}, fmt.Errorf("%s is below the interval, %s: want at least that, or samples grow too old between two decisions", maxSampleAge, interval)})
	}
	return faults
}

// parseURL returns Prometheus's address.
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", s, err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q: want http://host:port or https://host:port", s)
	}
	if u.Fragment != "" {
		return nil, fmt.Errorf("%q: want no #fragment", s)
	}
	return u, nil
}
