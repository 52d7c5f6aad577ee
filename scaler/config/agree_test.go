package config

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// agreeBases have, together, a value of every kind.
var agreeBases = []string{`
prometheus:
  url: http://p:9090
  params: {dedup: ['true']}
  http_client:
    basic_auth: {username: u, password_file: f}
    tls_config: {ca_file: ca, min_version: TLS12}
    follow_redirects: true
    http_headers: {X: {values: [a]}}
    proxy_url: http://proxy:3128
    proxy_connect_header: {A: [b]}
interval: 10s
max_sample_age: 30s
targets: [{}]
`, `
targets:
  - name: a
    workload: {api_version: apps/v1, kind: Deployment, namespace: default, name: web}
    query: q
    on_no_data: fallback
    fallback_replicas: 2
    rule: {type: step, scale_up_at: 50, scale_down_at: 20, per: replica, step_up: 1, step_down: 1, min_replicas: 1, max_replicas: 4, max_replicas_query: m, allow_flapping: true}
    scale_up_delay: 0s
    scale_down_delay: 5m
    scale_down_coverage: 10m
    hold_after_start: 1m
    wait_for_ready: true
    dry_run: false
    paused: false
`, `
targets:
  - rule: {allow_flapping: true}
    calendar:
      - name: c
        location: Europe/Berlin
        times: [{times: [{start_time: '08:00', end_time: '18:00'}], weekdays: ['monday:friday'], days_of_month: ['1:5', '-1'], months: ['1:3', may], years: ['2026:2030']}]
        min_replicas: 1
        max_replicas: 4
`, `
targets:
  - name: b
    workloads: {api_version: apps/v1, kind: Deployment, namespace_label: ns, name_label: d}
    query: q
  - name: c
    workload: {name: w2}
    triggers:
      - {name: t1, query: q, timestamp_query: t, optional: true, on_no_data: hold, rule: {type: target, value_per_replica: 10}}
      - {name: t2, query: q, rule: {scale_up_at: 50, scale_down_at: 20}}
    rule: {max_replicas: 4}
`}

// agreeValues take the place of each value of the base.
const agreeValues = `[null, '', 0, 1, -1, 1.5, 4.0, 1e10, 2147483648, true, false, x, 'yes', 'true', '1', 0s, 10s, 1h30m, '-1s', '1.5h', '10', 1d, 1y,
10S, ' 10s', 30s1m, [], {}, [1], [a], [[]], [null], {a: 1}, {a: null}, {a: [1]}, {a: [b]}, Monday, 'sunday:monday', '31', '-31', '32', '1:3', dec, '999', '2026',
'08:00', '8:00', '24:00', '24:01', 'http://x', UTC, step, target, total, hold, zero, TLS13, [{}], [{name: a}]]`

// variants calls f with a base document for each way to replace, remove or add
// one of its values. f gets it while it is changed.
func variants(v any, set func(any), values []any, f func()) {
	each := func(old any, put func(any)) {
		for _, value := range values {
			put(value)
			f()
		}
		put(old)
		variants(old, put, values, f)
	}
	switch v := v.(type) {
	case map[string]any:
		v["zzz"] = 1
		f()
		delete(v, "zzz")
		for key, old := range v {
			delete(v, key)
			f()
			each(old, func(value any) { v[key] = value })
		}
	case []any:
		for i, old := range v {
			set(slices.Delete(slices.Clone(v), i, i+1))
			f()
			set(v)
			each(old, func(value any) { v[i] = value })
		}
	}
}

// Whatever the parser takes the schema takes as well, so that no editor and no
// chart refuses what works. The other way there are contradictions, names and
// times that a schema cannot tell.
func TestTheSchemaTakesWhatTheParserTakes(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	values := readYAML(t, []byte(agreeValues)).([]any)
	documents, accepted := 0, 0
	for _, text := range agreeBases {
		base := readYAML(t, []byte(text))
		variants(base, func(v any) { base = v }, values, func() {
			text, err := json.Marshal(base) // which is YAML as well, and what Helm holds to a schema
			if err != nil {
				t.Fatal(err)
			}
			documents++
			if _, err := Parse("x.yml", text); err != nil {
				return
			}
			accepted++
			document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(document); err != nil {
				t.Fatalf("the parser takes it, the schema does not: %v\n%s", err, text)
			}
		})
	}
	if documents < 3000 || accepted < 500 {
		t.Errorf("%d documents, of which the parser takes %d: want more", documents, accepted)
	}
}
