package scale

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// startKEDA starts KEDA's operator and adapter.
func (w *World) startKEDA(ctx context.Context) (all []*process.Process, err error) {
	folder, err := build.Peer(build.KEDA)
	if err != nil {
		return nil, err
	}
	if err := w.define(ctx, filepath.Join(folder, "crds")); err != nil {
		return nil, err
	}
	certificates := filepath.Join(w.dir, "keda")
	if err := os.MkdirAll(certificates, 0o755); err != nil {
		return nil, err
	}
	if err := w.cluster.WriteCertificate(certificates); err != nil {
		return nil, err
	}
	in := func(file string) string { return filepath.Join(certificates, file) }
	env := []string{"KUBECONFIG=" + w.cluster.Kubeconfig, "WATCH_NAMESPACE=", "POD_NAMESPACE=" + namespace, "KEDA_CLUSTER_OBJECT_NAMESPACE=" + namespace}
	free, err := ports.Free(5)
	if err != nil {
		return nil, err
	}
	operator, err := process.Start(ctx, process.Spec{
		Name: "KEDA's operator", Path: filepath.Join(folder, "operator"), Env: env, Log: filepath.Join(w.dir, "operator.log"),
		Args: []string{
			"--cert-dir=" + certificates, "--metrics-service-bind-address=" + ports.Address(free[0]),
			"--metrics-bind-address=" + ports.Address(free[1]), "--health-probe-bind-address=" + ports.Address(free[2]),
		},
	})
	if err != nil {
		return nil, err
	}
	all = append(all, operator)
	adapter, err := process.Start(ctx, process.Spec{
		Name: "KEDA's adapter", Path: filepath.Join(folder, "adapter"), Env: env, Log: filepath.Join(w.dir, "adapter.log"),
		Args: append(w.behind(free[3]), "--cert-dir="+certificates, "--metrics-service-address="+ports.Address(free[0]), "--port="+strconv.Itoa(free[4]),
			"--client-ca-file="+in("ca.crt"), "--tls-cert-file="+in("tls.crt"), "--tls-private-key-file="+in("tls.key")),
	})
	if err != nil {
		return all, err
	}
	all = append(all, adapter)
	return all, w.register(ctx, adapter, free[3])
}

// scaledObject returns what creates the ScaledObject of a workload.
func scaledObject(polling time.Duration) func(*World, context.Context, int) error {
	return func(w *World, ctx context.Context, i int) error {
		return w.cluster.Request(ctx, http.MethodPost, "/apis/keda.sh/v1alpha1/namespaces/"+namespace+"/scaledobjects", object{
			"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": object{"name": name(i)},
			"spec": object{
				"scaleTargetRef":  object{"name": name(i)},
				"pollingInterval": int(polling.Seconds()), "minReplicaCount": 1, "maxReplicaCount": 4,
				"advanced": object{"horizontalPodAutoscalerConfig": object{"behavior": behavior()}},
				"triggers": []object{{"type": "prometheus", "metadata": object{
					"serverAddress": w.prometheus.URL, "query": fmt.Sprintf("load{deployment=%q}", name(i)), "threshold": averageValue,
				}}},
			},
		}, nil)
	}
}

// define creates KEDA's kinds, and waits until the API server serves them.
func (w *World) define(ctx context.Context, folder string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var definition object
		if err := yaml.Unmarshal(text, &definition); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if err := w.cluster.Request(ctx, http.MethodPost, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition, nil); err != nil {
			return err
		}
	}
	for {
		err := w.cluster.Request(ctx, http.MethodGet, "/apis/keda.sh/v1alpha1/scaledobjects", nil, nil)
		if err == nil {
			return nil
		}
		if wait(ctx, time.Second/4) != nil {
			return err
		}
	}
}
