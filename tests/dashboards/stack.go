package dashboards

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/stack"
)

// Up starts a stack whose exporter exports all that panels show.
func Up(ctx context.Context, dir string) (*stack.Stack, error) {
	return stack.Up(ctx, dir, 5, os.Stderr,
		"--camunda.process-definition-key=camunda-process-starter",
		"--collector.external-tasks", "--collector.jobs", "--collector.running", "--collector.user-tasks")
}

// Scrape says how a Prometheus scrapes a stack.
type Scrape struct {
	Interval     time.Duration
	Several      string // URL of the scaler that StartSeveral starts; may be empty
	Rules        string // path of a rules file; may be empty
	Alertmanager string // URL; may be empty
}

// Configuration is that of a Prometheus; the targets have the labels that the
// stack gives them.
func (c Scrape) Configuration(s *stack.Stack) string {
	type object = map[string]any
	targets := func(url string, labels object) []object {
		return []object{{"targets": []string{strings.TrimPrefix(url, "http://")}, "labels": labels}}
	}
	labels := object{"namespace": "default"}
	jobs := []object{}
	for _, job := range []struct {
		name, url string
	}{
		{"camunda-exporter", s.Exporter}, {"camunda-scaler", s.Scaler}, {"camunda-process-starter", s.Starter}, {"second-scaler", c.Several},
	} {
		if job.url != "" {
			jobs = append(jobs, object{"job_name": job.name, "static_configs": targets(job.url, labels)})
		}
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
		if now, _, err := s.Replicas(ctx); err == nil && now == replicas {
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

// Several is the name of StartSeveral's target.
const Several = "several"

// StartSeveral starts a second scaler with several triggers. It is a dry run,
// would scale up when instances of AddWork wait, and holds that back for an hour
// (hold_after_start). It ends with ctx, or when stop is called.
func StartSeveral(ctx context.Context, dir string, s *stack.Stack) (url string, stop func(), err error) {
	products, err := build.Project(ctx, dir, false)
	if err != nil {
		return "", nil, err
	}
	file := filepath.Join(dir, "several.yml") // Project has made the folder
	text := fmt.Sprintf(several, s.Prometheus.URL, Several)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return "", nil, err
	}
	var scaler *process.Process
	err = ports.Retry(1, func(free []int) error {
		address := ports.Address(free[0])
		url = "http://" + address
		scaler, err = process.Start(ctx, process.Spec{
			Name: "the second scaler", Path: products.Scaler, Log: filepath.Join(dir, "several.log"),
			Args: []string{"--config.file=" + file, "--kubeconfig=" + s.Cluster.Kubeconfig, "--web.listen-address=" + address},
		})
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		return scaler.Await(ctx, "the second scaler", func(ctx context.Context) error {
			return send(ctx, http.MethodGet, url+"/-/healthy", "", nil)
		})
	})
	if err != nil {
		return "", nil, err
	}
	return url, func() { scaler.Stop(5 * time.Second) }, nil
}

const several = `
prometheus: {url: %q}
targets:
  - name: %s
    workload: {namespace: default, name: camunda-deployment}
    triggers:
      - name: starts
        query: camunda_process_instances_recently_started{window="10s"}
        rule: {scale_up_at: 50, scale_down_at: 20}
      - name: running
        query: camunda_process_instances_running
        rule: {type: target, value_per_replica: 4}
      - name: tasks
        query: camunda_user_tasks
        optional: true
        rule: {per: total, scale_up_at: 3, scale_down_at: 1}
    rule: {max_replicas: 8}
    hold_after_start: 1h
    dry_run: true
`

// Pause has the scalers leave the Deployment alone, or go on.
func Pause(ctx context.Context, s *stack.Stack, paused bool) error {
	return patch(ctx, s, map[string]any{"metadata": map[string]any{"annotations": map[string]any{
		"camunda-autoscaler/paused": strconv.FormatBool(paused),
	}}})
}

// SetReplicas scales the Deployment by hand.
func SetReplicas(ctx context.Context, s *stack.Stack, replicas int) error {
	return patch(ctx, s, map[string]any{"spec": map[string]any{"replicas": replicas}})
}

func patch(ctx context.Context, s *stack.Stack, change any) error {
	return s.Cluster.Request(ctx, http.MethodPatch, "/apis/apps/v1/namespaces/default/deployments/camunda-deployment", change, nil)
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
	if err := send(ctx, http.MethodPost, engine+"/deployment/create", form.FormDataContentType(), &body); err != nil {
		return err
	}
	for range instances {
		if err := send(ctx, http.MethodPost, engine+"/process-definition/key/work/start", "application/json", strings.NewReader("{}")); err != nil {
			return err
		}
	}
	return nil
}

func send(ctx context.Context, method, url, contentType string, body io.Reader) error {
	request, err := http.NewRequestWithContext(ctx, method, url, body)
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
		return fmt.Errorf("%s %s: %s: %s", method, url, response.Status, text)
	}
	return nil
}
