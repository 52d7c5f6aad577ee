package dashboards

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/demo/stack"
)

// ExporterEnvironment switches on what the exporter does by flag only, for the
// panels that show it.
var ExporterEnvironment = map[string]string{
	"CAMUNDA_EXPORTER_CAMUNDA_PROCESS_DEFINITION_KEY": "camunda-process-starter",
	"CAMUNDA_EXPORTER_COLLECTOR_EXTERNAL_TASKS":       "true",
	"CAMUNDA_EXPORTER_COLLECTOR_JOBS":                 "true",
	"CAMUNDA_EXPORTER_COLLECTOR_RUNNING":              "true",
	"CAMUNDA_EXPORTER_COLLECTOR_USER_TASKS":           "true",
}

// Scrape is how a Prometheus is to look at a stack.
type Scrape struct {
	Interval     time.Duration
	Rules        string // path of a rules file; may be empty
	Alertmanager string // URL; may be empty
}

// Configuration is that of a Prometheus. On a cluster the Prometheus operator
// adds the label namespace; here it is in the configuration.
func (c Scrape) Configuration(s *stack.Stack) string {
	type object = map[string]any
	targets := func(url string, labels object) []object {
		return []object{{"targets": []string{strings.TrimPrefix(url, "http://")}, "labels": labels}}
	}
	labels := object{"namespace": "default"}
	jobs := []object{}
	for _, job := range []struct{ name, url string }{
		{"camunda-exporter", s.Exporter}, {"camunda-scaler", s.Scaler}, {"camunda-process-starter", s.Starter},
	} {
		jobs = append(jobs, object{"job_name": job.name, "static_configs": targets(job.url, labels)})
	}
	interval := fmt.Sprintf("%dms", c.Interval.Milliseconds())
	config := object{
		"global":         object{"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
		"scrape_configs": jobs,
	}
	if c.Rules != "" {
		config["rule_files"] = []string{c.Rules}
	}
	if c.Alertmanager != "" {
		config["alerting"] = object{"alertmanagers": []object{{"static_configs": targets(c.Alertmanager, nil)}}}
	}
	text, err := yaml.Marshal(config)
	if err != nil {
		panic(err) // strings, lists and maps
	}
	return string(text)
}

// API is a client of a Prometheus.
func API(url string) (v1.API, error) {
	client, err := api.NewClient(api.Config{Address: url})
	if err != nil {
		return nil, err
	}
	return v1.NewAPI(client), nil
}

// AwaitReplicas waits until the workload has so many replicas. It returns an
// error if a service ends meanwhile.
func AwaitReplicas(ctx context.Context, s *stack.Stack, replicas int) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		if wanted, _, err := s.Replicas(ctx); err == nil && wanted == replicas {
			return nil
		}
		select {
		case err := <-s.Failed():
			return fmt.Errorf("wait for %d replicas: a service has ended: %w", replicas, err)
		case <-ctx.Done():
			return fmt.Errorf("wait for %d replicas: %w", replicas, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

//go:embed work.bpmn
var work []byte

// AddWork starts process instances that wait, each with a user task and an
// external task: something for the panels that the starter does not fill.
func AddWork(ctx context.Context, engine string, instances int) error {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range map[string]string{"deployment-name": "work", "enable-duplicate-filtering": "true"} {
		if err := form.WriteField(name, value); err != nil {
			return err
		}
	}
	file, err := form.CreateFormFile("work.bpmn", "work.bpmn")
	if err != nil {
		return err
	}
	if _, err := file.Write(work); err != nil {
		return err
	}
	if err := form.Close(); err != nil {
		return err
	}
	if err := post(ctx, engine+"/deployment/create", form.FormDataContentType(), &body); err != nil {
		return err
	}
	for range instances {
		if err := post(ctx, engine+"/process-definition/key/work/start", "application/json", strings.NewReader("{}")); err != nil {
			return err
		}
	}
	return nil
}

func post(ctx context.Context, url, contentType string, body io.Reader) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", contentType)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body)
		return fmt.Errorf("POST %s: %s: %s", url, response.Status, text)
	}
	return nil
}
