package system

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/alertmanager"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

// watch starts Prometheus, which evaluates the chart's alerts, and Alertmanager,
// which sends them to a receiver on this machine.
func (s *System) watch(ctx context.Context) (err error) {
	s.Alertmanager, err = alertmanager.Start(ctx, filepath.Join(s.dir, "alertmanager"), fmt.Sprintf(`
route: {receiver: here, group_by: [alertname], group_wait: 1s, group_interval: 2s, repeat_interval: 1h}
receivers:
  - name: here
    webhook_configs: [{url: "%s", send_resolved: true}]
`, s.Alerts.URL))
	if err != nil {
		return err
	}
	rules := filepath.Join(s.dir, "alerts.yml")
	if err := s.writeAlerts(rules); err != nil {
		return err
	}
	milliseconds := s.options.Interval.Milliseconds()
	s.Prometheus, err = prometheus.Start(ctx, filepath.Join(s.dir, "prometheus"), prometheus.Config{YAML: fmt.Sprintf(`
global: {scrape_interval: %[1]dms, scrape_timeout: %[1]dms, evaluation_interval: %[1]dms}
rule_files: ["%[2]s"]
alerting: {alertmanagers: [{static_configs: [{targets: ["%[3]s"]}]}]}
scrape_configs:
  - job_name: posts-kafka-exporter
    static_configs: [{targets: ["%[4]s"], labels: {namespace: %[6]s}}]
  - job_name: camunda-scaler
    static_configs: [{targets: ["%[5]s"], labels: {namespace: %[6]s}}]
`, milliseconds, rules,
		s.Alertmanager.URL[len("http://"):], s.exporter, s.Scaler[len("http://"):], Namespace)})
	return err
}

// writeAlerts copies the chart's alerts, with all times that they wait replaced.
func (s *System) writeAlerts(path string) error {
	text, err := os.ReadFile(filepath.Join(s.parts.Example, "helm", "kafka", "files", "alerts.yml"))
	if err != nil {
		return err
	}
	if s.options.AlertsAfter != "" {
		text = regexp.MustCompile(`(?m)^( *for: ).*$`).ReplaceAll(text, []byte("${1}"+s.options.AlertsAfter))
	}
	return os.WriteFile(path, text, 0o644)
}

// Receiver is what alerts are sent to, in place of a chat or a pager.
type Receiver struct {
	URL string

	mu  sync.Mutex
	got []Alert
}

// Alert is a notification.
type Alert struct {
	At           time.Time
	Name, Status string
	Summary      string
}

func newReceiver(ctx context.Context) (*Receiver, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", ports.Host+":0")
	if err != nil {
		return nil, err
	}
	r := &Receiver{URL: "http://" + listener.Addr().String()}
	server := &http.Server{Handler: http.HandlerFunc(r.receive), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return r, nil
}

func (r *Receiver) receive(w http.ResponseWriter, request *http.Request) {
	var message struct {
		Alerts []struct {
			Status              string
			Labels, Annotations map[string]string
		}
	}
	if err := json.NewDecoder(request.Body).Decode(&message); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range message.Alerts {
		r.got = append(r.got, Alert{time.Now(), a.Labels["alertname"], a.Status, a.Annotations["summary"]})
	}
}

// Since returns the notifications after a time.
func (r *Receiver) Since(at time.Time) []Alert {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []Alert
	for _, a := range r.got {
		if a.At.After(at) {
			all = append(all, a)
		}
	}
	return all
}
