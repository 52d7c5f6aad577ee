package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// check writes a file and checks it. Errors and warnings come without the
// file's path.
func check(t *testing.T, text string, dialect bool) (warnings, err string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, all, failed := Check(path, dialect)
	if failed != nil {
		err = failed.Error()
	}
	plain := strings.NewReplacer(path+":", "", filepath.Dir(path)+"/", "")
	return plain.Replace(strings.Join(all, "\n")), plain.Replace(err)
}

func TestCheckFindsQueriesThatCannotWork(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"syntax", "targets:\n- query: sum(rate(x[5m])\n", "2: targets[0].query: not PromQL: 1:16: unclosed left parenthesis"},
		{"range vector", "targets: [{query: 'x[5m]'}]", "1: targets[0].query: a range vector: want an instant vector, for example by rate() or max_over_time()"},
		{"timestamp_query", "targets: [{query: sum(x), timestamp_query: timestmp(x)}]", `1: targets[0].timestamp_query: not PromQL: 1:1: unknown function with name "timestmp"`},
		{"max_replicas_query", "targets: [{query: x, rule: {max_replicas_query: 'count('}}]", "1: targets[0].rule.max_replicas_query: not PromQL: 1:7: unclosed left parenthesis"},
		{"a trigger", "targets:\n- triggers:\n  - {name: a, query: x}\n  - {name: b, query: 'x{'}\n", "4: targets[0].triggers[1].query: not PromQL: 1:3: unexpected end of input inside braces"},
		{
			"a group's labels", "targets:\n- name: a\n  workloads: {namespace: b, name_label: deployment}\n  query: sum by (pod) (x)\n  timestamp_query: max(timestamp(x))\n",
			"4: targets[0].query: no series has the label deployment, which is to name the workload: want it in the aggregation's by (...)\n" +
				"5: targets[0].timestamp_query: no series has the label deployment, which is to name the workload: want it in the aggregation's by (...)",
		},
		{
			"the label of Pods", "targets:\n- name: a\n  workloads: {namespace: b, name_label: deployment}\n  query: sum by (deployment) (x)\n  busy_pods: {query: max by (deployment) (y)}\n",
			"5: targets[0].busy_pods.query: no series has the label pod, which is to name the Pod: want it in the aggregation's by (...)",
		},
		{"what a start finds", "targets: [{querry: x}]", "1: targets[0].querry: unknown key, did you mean query?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := check(t, c.text, false); err != c.want {
				t.Errorf("got\n%s\nwant\n%s", err, c.want)
			}
		})
	}
	if warnings, err := check(t, "targets: [{query: 'WITH (a = x) sum(a)'}]", true); warnings != "" || err != "" {
		t.Errorf("another dialect: %s%s", warnings, err)
	}
}

func TestCheckWarnsOfLikelyMistakes(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "targets: [{}]", ""},
		{"a selector tells its age", "targets: [{query: x}]", ""},
		{
			"an aggregate does not", "targets: [{query: 'sum(rate(x[1m]))'}]",
			"1: targets[0].query: the age of its samples is unknown, so an old one would pass for new for up to five minutes: want timestamp_query, for example max(timestamp(x))",
		},
		{
			"nor does a trigger's", "targets: [{triggers: [{name: a, query: x}, {name: b, query: x > 1}]}]",
			"1: targets[0].triggers[1].query: the age of its samples is unknown, so an old one would pass for new for up to five minutes: want timestamp_query, for example max(timestamp(x))",
		},
		{
			"nor a group's", "targets: [{name: a, workloads: {namespace_label: ns, name_label: d}, query: 'sum by (ns, d) (x)'}]",
			"1: targets[0].query: the age of its samples is unknown, so an old one would pass for new for up to five minutes: want timestamp_query, for example max by (ns, d) (timestamp(x))",
		},
		{"Pods without the workload's label", "targets: [{name: a, workloads: {namespace: b, name_label: d}, query: x, busy_pods: {query: max by (pod) (y)}}]", ""},
		{"an age that is set", "max_sample_age: 20s\ntargets: [{}]", ""},
		{
			"an age without room", "max_sample_age: 10s\ntargets: [{}]",
			"1: max_sample_age: 10s is less than two intervals (10s): one late or lost scrape makes the sample stale, and the target holds; want 30s or more, or leave it out to follow the spacing of the samples",
		},
		{
			"files", `
prometheus:
  http_client:
    basic_auth: {username: me, password_file: password}
    tls_config: {ca_file: x.yml, cert_file: /no/cert, key_file: key}
    http_headers: {X-Key: {files: [a, b]}}
targets: [{}]`,
			`4: prometheus.http_client.basic_auth.password_file: password does not exist here: every query fails without it
5: prometheus.http_client.tls_config.cert_file: /no/cert does not exist here: the scaler does not start without it
5: prometheus.http_client.tls_config.key_file: key does not exist here: the scaler does not start without it
6: prometheus.http_client.http_headers.X-Key.files: a does not exist here: every query fails without it
6: prometheus.http_client.http_headers.X-Key.files: b does not exist here: every query fails without it`,
		},
		{
			"tokens", "prometheus:\n  url: http://p/?dedup=true&token=a\n  params:\n    tenant: [b]\n    api_key: [c]\ntargets: [{}]",
			`2: prometheus.url: everyone who can read the file sees the value of the query parameter token: a header of http_client can be read from a file of its own
5: prometheus.params.api_key: everyone who can read the file sees the value of the query parameter api_key: a header of http_client can be read from a file of its own`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if warnings, err := check(t, c.text, false); warnings != c.want || err != "" {
				t.Errorf("got\n%s%s\nwant\n%s", warnings, err, c.want)
			}
		})
	}
}

// The pages show nothing that is warned of.
func TestExamplesHaveNoWarnings(t *testing.T) {
	for _, path := range []string{referencePath, "../../README.md", triggersDoc} {
		if warnings, err := check(t, example(t, path), false); warnings != "" || err != "" {
			t.Errorf("%s: %s%s", path, warnings, err)
		}
	}
}

// Paths are relative to the file, also the one that Prometheus's library leaves
// as it is.
func TestFilesAreRelativeToTheConfiguration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.yml")
	text := "prometheus: {http_client: {oauth2: {client_id: a, token_url: 'http://b', grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', client_certificate_key_file: key}}}\ntargets: [{}]"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Prometheus.HTTP.OAuth2.ClientCertificateKeyFile, filepath.Join(filepath.Dir(path), "key"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
