package steps

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/rig"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// HPA scales pools by HorizontalPodAutoscalers, which read the number of jobs
// from prometheus-adapter. It acts at once, as the scaler does here: with the
// default of five minutes in which it holds the highest number, most jobs of a
// burst would be done before its first step down.
type HPA struct {
	Rig *rig.Rig
	Dir string // of its files
	Max int    // replicas
}

type values = rig.Object

const adapterConfig = `externalRules:
- seriesQuery: rabbitmq_detailed_queue_messages
  resources: {namespaced: false}
  name: {as: scan_jobs}
  metricsQuery: 'sum(rabbitmq_detailed_queue_messages{<<.LabelMatchers>>})'
`

// Start starts the adapter, and creates the autoscalers of pools. The adapter
// ends when ctx does.
func (h HPA) Start(ctx context.Context, pools ...string) error {
	folder, err := build.Peer(build.PrometheusAdapter)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(h.Dir, 0o755); err != nil {
		return err
	}
	config := filepath.Join(h.Dir, "adapter.yml")
	if err := os.WriteFile(config, []byte(adapterConfig), 0o644); err != nil {
		return err
	}
	free, err := ports.Free(1)
	if err != nil {
		return err
	}
	kubeconfig := h.Rig.Cluster.Kubeconfig
	adapter, err := process.Start(ctx, process.Spec{
		Name: "prometheus-adapter", Path: filepath.Join(folder, "adapter"), Dir: h.Dir, Log: filepath.Join(h.Dir, "adapter.log"),
		Args: []string{
			"--bind-address=" + ports.Host, "--secure-port=" + strconv.Itoa(free[0]), "--cert-dir=" + h.Dir,
			"--lister-kubeconfig=" + kubeconfig, "--authentication-kubeconfig=" + kubeconfig, "--authorization-kubeconfig=" + kubeconfig,
			"--prometheus-url=" + h.Rig.Prometheus.URL, "--config=" + config, "--metrics-relist-interval=10s",
		},
	})
	if err != nil {
		return err
	}
	if err := h.register(ctx, adapter, free[0]); err != nil {
		return err
	}
	for _, pool := range pools {
		if err := h.autoscale(ctx, pool); err != nil {
			return err
		}
	}
	return nil
}

// register lets the API server take external metrics from a port of loopback. A
// Service with an external name needs no Endpoints, which cannot be there.
func (h HPA) register(ctx context.Context, adapter *process.Process, port int) error {
	const service = "external-metrics"
	err := h.Rig.Cluster.Create(ctx, rig.Namespace, values{
		"apiVersion": "v1", "kind": "Service", "metadata": values{"name": service},
		"spec": values{"type": "ExternalName", "externalName": "localhost"},
	})
	if err != nil {
		return err
	}
	err = h.Rig.Cluster.Request(ctx, http.MethodPost, "/apis/apiregistration.k8s.io/v1/apiservices", values{
		"metadata": values{"name": "v1beta1.external.metrics.k8s.io"},
		"spec": values{
			"group": "external.metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
			"insecureSkipTLSVerify": true, "service": values{"namespace": rig.Namespace, "name": service, "port": port},
		},
	}, nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	return adapter.Await(ctx, "the metric scan_jobs", func(ctx context.Context) error {
		var values struct {
			Items []struct{ Value string }
		}
		err := h.Rig.Cluster.Request(ctx, http.MethodGet, "/apis/external.metrics.k8s.io/v1beta1/namespaces/"+rig.Namespace+"/scan_jobs", nil, &values)
		if err == nil && len(values.Items) == 0 {
			err = fmt.Errorf("there is no value yet")
		}
		return err
	})
}

func (h HPA) autoscale(ctx context.Context, pool string) error {
	return h.Rig.Cluster.Create(ctx, rig.Namespace, values{
		"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": values{"name": pool},
		"spec": values{
			"scaleTargetRef": values{"apiVersion": "apps/v1", "kind": "Deployment", "name": pool},
			"minReplicas":    1, "maxReplicas": h.Max,
			"behavior": values{"scaleDown": values{"stabilizationWindowSeconds": 0}},
			"metrics": []values{{"type": "External", "external": values{
				"metric": values{"name": "scan_jobs", "selector": values{"matchLabels": values{"queue": pool}}},
				"target": values{"type": "AverageValue", "averageValue": "1"},
			}}},
		},
	})
}
