package config

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"
	commoncfg "github.com/prometheus/common/config"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/calendar"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// What /config shows can be read again and means the same, but for secrets.
func TestYAML(t *testing.T) {
	for _, path := range []string{"testdata/full.yml", "testdata/minimal.yml", "testdata/everything.yml"} {
		c, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		checkRoundTrip(t, c)
	}
}

// So does every configuration that there can be.
func TestYAMLOfAnything(t *testing.T) {
	for seed := range uint64(150) {
		r := random{rand.New(rand.NewPCG(seed, 5))}
		checkRoundTrip(t, r.config(t))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestYAMLMasksSecrets(t *testing.T) {
	c, err := Parse("x.yml", []byte("targets: [{}]"))
	if err != nil {
		t.Fatal(err)
	}
	// A file cannot have them, but a program that embeds the scaler may.
	c.Prometheus.URL.User = url.UserPassword("me", "hidden")
	c.Prometheus.HTTP.BasicAuth = &commoncfg.BasicAuth{Username: "me", Password: "hidden"}
	text, err := c.YAML()
	if err != nil || strings.Contains(string(text), "hidden") || !strings.Contains(string(text), "<secret>") {
		t.Errorf("%v\n%s", err, text)
	}
	if strings.Contains(c.Explain(), "hidden") {
		t.Error(c.Explain())
	}
}

// Tokens may be in query parameters, headers and OAuth 2 parameters.
func TestYAMLMasksWhatMayBeSecret(t *testing.T) {
	c, err := Parse("x.yml", []byte(`
prometheus:
  url: http://prometheus/?key=hidden
  params: {token: [hidden, hidden]}
  http_client:
    http_headers: {X-Key: {values: [hidden]}}
    oauth2: {client_id: id, token_url: http://login, endpoint_params: {secret: hidden}}
targets: [{}]`))
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.YAML()
	if err != nil || strings.Contains(string(text), "hidden") || strings.Count(string(text), "<secret>") != 5 {
		t.Errorf("%v\n%s", err, text)
	}
	if got, want := c.Prometheus.Redacted(), "http://prometheus/?key=xxxxx&token=xxxxx&token=xxxxx"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if strings.Contains(c.Explain(), "hidden") {
		t.Error(c.Explain())
	}
	if got := c.Prometheus.URL.Query().Get("token"); got != "hidden" {
		t.Errorf("the configuration itself has %s", got)
	}
}

// What is wrong is told without the secrets in it.
func TestErrorsMaskSecrets(t *testing.T) {
	for _, options := range []string{
		"basic_auth: {username: me, password: 123456}", "http_headers: {X-Key: {values: [123456]}}", "proxy_url: 'http://me:123456@p:x'",
		"bearer_token: [123456]", "basic_auth: 123456", "http_headers: {X-Key: 123456}", "proxy_connect_header: {A: 123456}",
		"tls_config: {key: 123456}", "oauth2: {endpoint_params: {secret: 123456}}", "basic_auth: {username: me, password: '123456'}",
		"follow_redirects: 123456", "basic_auth: {username: me, password: '123456', password_file: a}",
	} {
		_, err := Parse("x.yml", []byte("prometheus: {http_client: {"+options+"}}\ntargets: [{}]"))
		if err == nil || strings.Contains(err.Error(), "123456") {
			t.Errorf("%s: got %v", options, err)
		}
	}
	for _, address := range []string{"http://me:hidden@p", "ftp://p?token=hidden", "http://p?token=hidden#x", "http://me:hid\\nhidden@p:x:y", "http://p:hidden", "http://[::1?hidden"} {
		_, err := Parse("x.yml", []byte("prometheus: {url: \""+address+"\"}\ntargets: [{}]"))
		if err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: got %v", address, err)
		}
	}
}

// random makes valid configurations.
type random struct{ *rand.Rand }

func (r random) coin() bool { return r.IntN(2) == 0 }

func (r random) text() string {
	return []string{"a", "sum by (x) (rate(y{z=~\"a|b\"}[5m]))", "true", "1e3", "- #'\":{}[]", "a\nb", "ß\u2028\t", "null", "<<"}[r.IntN(9)]
}

func (r random) duration() time.Duration {
	return []time.Duration{0, time.Millisecond, 90 * time.Second, 36 * time.Hour, 400 * 24 * time.Hour, time.Duration(r.IntN(1e9)) * time.Millisecond}[r.IntN(6)]
}

func (r random) number() float64 {
	return []float64{float64(r.IntN(1000)), r.Float64(), r.NormFloat64() * 1e30, r.NormFloat64() * 1e-30, 1e21, 0.1}[r.IntN(6)]
}

func (r random) config(t *testing.T) Config {
	c := Config{Prometheus: Prometheus{HTTP: commoncfg.DefaultHTTPClientConfig}}
	address, err := ParseURL([]string{"http://prometheus:9090", "https://a.example/prefix?tenant=a&tenant=b", "http://[::1]:1/?x=%20"}[r.IntN(3)])
	if err != nil {
		t.Fatal(err)
	}
	address.RawQuery = address.Query().Encode()
	c.Prometheus.URL = address
	interval := minInterval + r.duration()
	var maxSampleAge time.Duration
	if r.coin() {
		maxSampleAge = interval + r.duration()
	}
	for i := range 1 + r.IntN(3) {
		target := r.target(t, i)
		target.Interval, target.Policy.MaxSampleAge = interval, maxSampleAge
		c.Targets = append(c.Targets, target)
	}
	return c
}

func (r random) target(t *testing.T, i int) Target {
	target := Target{
		Name:     fmt.Sprint(r.text(), i),
		Workload: workload.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "a", Name: fmt.Sprint("b", i)},
		DryRun:   r.coin(), Pause: workload.Pause{Up: r.coin(), Down: r.coin()}, AllowFlapping: true,
		Policy: decide.Policy{
			Limits:       decide.Limits{Min: 1 + r.Int32N(5), Max: 5 + r.Int32N(5)},
			ScaleUpDelay: r.duration(), ScaleDownDelay: r.duration(), ScaleToZeroDelay: r.duration(), ScaleDownCoverage: r.duration(), HoldAfterStart: r.duration(),
			WaitForReady: r.coin(),
		},
	}
	if target.Pause.Any() && r.coin() {
		target.Pause.Until = time.Unix(1_800_000_000, 0).UTC()
	}
	if r.coin() {
		target.BusyPods = &BusyPods{PromQL: r.text(), PodLabel: "pod"}
		target.Policy.BusyPods = &decide.BusyPods{WaitForIdle: r.duration(), StepUnknown: r.coin()}
	}
	if r.coin() {
		target.Group, target.Workload.Name = &Group{NameLabel: "name"}, ""
		if r.coin() {
			target.Group.NamespaceLabel, target.Workload.Namespace = "where", ""
		}
	} else if r.coin() {
		target.MaxReplicasQuery = strings.TrimSpace(r.text())
	}
	listed := r.coin()
	step := false
	for n := range 1 + r.IntN(3) {
		trigger, query := r.trigger(target.Policy.Limits)
		if listed {
			trigger.Name, trigger.Optional = fmt.Sprint(r.text(), n), r.coin()
		}
		step = step || trigger.Rule.Kind == decide.Step
		target.Policy.Triggers, target.Queries = append(target.Policy.Triggers, trigger), append(target.Queries, query)
		if !listed {
			break
		}
	}
	if step || r.coin() {
		target.Policy.StepUp = 1 + r.Int32N(5)
	}
	if step || r.coin() {
		target.Policy.StepDown = 1 + r.Int32N(5)
	}
	for n := range r.IntN(3) {
		target.Calendar = append(target.Calendar, r.window(t, n))
	}
	return target
}

func (r random) trigger(limits decide.Limits) (decide.Trigger, Query) {
	trigger := decide.Trigger{OnNoData: decide.HoldOnNoData}
	query := Query{PromQL: r.text()}
	if r.coin() {
		query.Timestamp = strings.TrimSpace(r.text())
	}
	switch r.IntN(3) {
	case 0:
		trigger.OnNoData, query.Zero = decide.ZeroOnNoData, true
	case 1:
		trigger.OnNoData, trigger.FallbackReplicas = decide.FallbackOnNoData, limits.Min
	}
	if r.coin() {
		trigger.Rule = decide.Rule{Kind: decide.Target, ValuePerReplica: 1e-300 + max(r.number(), -r.number(), 1)}
		return trigger, query
	}
	a, b := r.number(), r.number()
	trigger.Rule = decide.Rule{Kind: decide.Step, ScaleUpAt: max(a, b) + 1e31, ScaleDownAt: min(a, b), Absolute: r.coin()}
	return trigger, query
}

func (r random) window(t *testing.T, n int) calendar.Window {
	name := []string{"UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"}[r.IntN(4)]
	location, err := calendar.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	w := calendar.Window{Name: fmt.Sprint(r.text(), n), Location: location}
	between := func(from, to int) timeinterval.InclusiveRange {
		start := from + r.IntN(to-from+1)
		return timeinterval.InclusiveRange{Begin: start, End: start + r.IntN(to-start+1)}
	}
	for range 1 + r.IntN(2) {
		start := r.IntN(24 * 60)
		i := timeinterval.TimeInterval{Times: []timeinterval.TimeRange{{StartMinute: start, EndMinute: start + 1 + r.IntN(24*60-start)}}}
		if r.coin() {
			i.Weekdays = []timeinterval.WeekdayRange{{InclusiveRange: between(0, 6)}, {InclusiveRange: between(0, 6)}}
		}
		if r.coin() {
			i.DaysOfMonth = []timeinterval.DayOfMonthRange{{InclusiveRange: between(1, 31)}, {InclusiveRange: between(-31, -1)}}
		}
		if r.coin() {
			i.Months = []timeinterval.MonthRange{{InclusiveRange: between(1, 12)}}
		}
		if r.coin() {
			i.Years = []timeinterval.YearRange{{InclusiveRange: between(2000, 2100)}}
		}
		w.Times = append(w.Times, i)
	}
	low, high := 1+r.Int32N(5), 5+r.Int32N(5)
	if r.coin() {
		w.Min = &low
	}
	if w.Min == nil || r.coin() {
		w.Max = &high
	}
	return w
}
