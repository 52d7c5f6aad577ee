package scale

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// Peer is another autoscaler, with settings.
type Peer struct {
	Name     string
	Settings string        // for people
	Sync     time.Duration // of the HorizontalPodAutoscaler controller, which writes the replicas of all peers

	part   build.Part
	flags  []string // more of the controller manager
	start  func(w *World, ctx context.Context) ([]*process.Process, error)
	create func(w *World, ctx context.Context, i int) error // what scales a workload
}

// What the default rule says, for a HorizontalPodAutoscaler: up from 50 for each
// replica, down at 20 or less. It takes as many steps at once as it needs.
const averageValue = "49.999"

func behavior() object {
	return object{
		"scaleUp":   object{"tolerance": "0"},
		"scaleDown": object{"tolerance": "0.59999"},
	}
}

const rule = "averageValue " + averageValue + ", tolerance up 0 and down 0.59999"

// Peers returns the autoscalers that React measures, by the names of its flag.
func Peers() map[string]Peer {
	return map[string]Peer{
		"hpa": {
			Name: "prometheus-adapter 0.12.0 and HPA", Sync: 15 * time.Second, part: build.PrometheusAdapter,
			start: (*World).startAdapter, create: (*World).autoscale,
			Settings: rule + "; HPA sync 15s (the default); adapter: defaults",
		},
		"keda": {
			Name: "KEDA 2.21.0", Sync: 15 * time.Second, part: build.KEDA,
			start: (*World).startKEDA, create: scaledObject(30 * time.Second),
			Settings: rule + "; HPA sync 15s (the default); pollingInterval 30, cooldownPeriod 300, no cached metrics (the defaults)",
		},
		"keda-1s": {
			Name: "KEDA 2.21.0, tuned", Sync: time.Second, part: build.KEDA,
			start: (*World).startKEDA, create: scaledObject(time.Second),
			// The default, 20 requests a second, is too few for 24 syncs a second.
			flags:    []string{"--kube-api-qps=1000", "--kube-api-burst=1000"},
			Settings: rule + "; HPA sync 1s (a flag of kube-controller-manager, which managed clusters do not let change), its kube-api-qps 1000; pollingInterval 1",
		},
	}
}

// Built returns an error that says what to do, if the peer is not built.
func (p Peer) Built() error {
	_, err := build.Peer(p.part)
	return err
}

// startPeer starts a peer, and returns when it has a value for each workload.
func (w *World) startPeer(ctx context.Context, p Peer) (stop func(), err error) {
	// Nothing else runs that would say how many replicas there are.
	for i := range w.Size {
		status := object{"status": object{"replicas": 1, "readyReplicas": 1, "availableReplicas": 1, "updatedReplicas": 1}}
		if err := w.cluster.Request(ctx, http.MethodPatch, deployments+"/"+name(i)+"/status", status, nil); err != nil {
			return nil, err
		}
	}
	// The adapter lists the series there are at its start, and next after minutes.
	for w.load(w.Size - 1).scrapeEnded.IsZero() {
		if err := wait(ctx, w.Interval); err != nil {
			return nil, err
		}
	}
	err = w.cluster.StartControllerManager(ctx, append([]string{
		"--controllers=horizontal-pod-autoscaler-controller", "--horizontal-pod-autoscaler-sync-period=" + p.Sync.String(),
	}, p.flags...)...)
	if err != nil {
		return nil, err
	}
	all, err := p.start(w, ctx)
	stop = func() {
		for _, one := range all {
			one.Kill()
		}
	}
	// Each workload is synced at a time of its own, as it is where they were not
	// created together.
	for i := 0; i < w.Size && err == nil; i++ {
		if err = p.create(w, ctx, i); err == nil {
			err = wait(ctx, p.Sync/time.Duration(w.Size))
		}
	}
	if err == nil {
		err = w.active(ctx, all)
	}
	if err != nil {
		stop()
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	return stop, nil
}

// active waits until each HorizontalPodAutoscaler has read its metric; these
// processes have to run.
func (w *World) active(ctx context.Context, all []*process.Process) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for {
		for _, one := range all {
			if err := one.Err(); err != nil {
				return err
			}
		}
		var list struct {
			Items []struct {
				Status struct {
					Conditions []struct{ Type, Status, Message string }
				}
			}
		}
		if err := w.cluster.Request(ctx, http.MethodGet, "/apis/autoscaling/v2/namespaces/"+namespace+"/horizontalpodautoscalers", nil, &list); err != nil {
			return err
		}
		n, message := 0, ""
		for _, item := range list.Items {
			for _, c := range item.Status.Conditions {
				switch {
				case c.Type == "ScalingActive" && c.Status == "True":
					n++
				case c.Type == "ScalingActive":
					message = c.Message
				}
			}
		}
		if n == w.Size {
			return nil
		}
		if err := wait(ctx, time.Second); err != nil {
			return fmt.Errorf("%d of %d HorizontalPodAutoscalers have a value: %w; %s", n, w.Size, err, message)
		}
	}
}

// startAdapter starts prometheus-adapter.
func (w *World) startAdapter(ctx context.Context) ([]*process.Process, error) {
	folder, err := build.Peer(build.PrometheusAdapter)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(w.dir, "adapter.yml")
	text := `externalRules:
- seriesQuery: load
  resources: {overrides: {workload_namespace: {resource: namespace}}}
  metricsQuery: 'max(<<.Series>>{<<.LabelMatchers>>})'
`
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, err
	}
	free, err := ports.Free(1)
	if err != nil {
		return nil, err
	}
	adapter, err := process.Start(ctx, process.Spec{
		Name: "prometheus-adapter", Path: filepath.Join(folder, "adapter"), Log: filepath.Join(w.dir, "adapter.log"),
		Args: append(w.behind(free[0]), "--cert-dir="+filepath.Join(w.dir, "adapter"), "--prometheus-url="+w.prometheus.URL, "--config="+config),
	})
	if err != nil {
		return nil, err
	}
	return []*process.Process{adapter}, w.register(ctx, adapter, free[0])
}

// autoscale creates the HorizontalPodAutoscaler of a workload.
func (w *World) autoscale(ctx context.Context, i int) error {
	return w.cluster.Request(ctx, http.MethodPost, "/apis/autoscaling/v2/namespaces/"+namespace+"/horizontalpodautoscalers", object{
		"metadata": object{"name": name(i)},
		"spec": object{
			"scaleTargetRef": object{"apiVersion": "apps/v1", "kind": "Deployment", "name": name(i)},
			"minReplicas":    1, "maxReplicas": 4, "behavior": behavior(),
			"metrics": []object{{"type": "External", "external": object{
				"metric": object{"name": "load", "selector": object{"matchLabels": object{"deployment": name(i)}}},
				"target": object{"type": "AverageValue", "averageValue": averageValue},
			}}},
		},
	}, nil)
}

// behind returns the flags of an API server behind the cluster's.
func (w *World) behind(port int) []string {
	k := w.cluster.Kubeconfig
	return []string{
		"--bind-address=" + ports.Host, "--secure-port=" + strconv.Itoa(port),
		"--lister-kubeconfig=" + k, "--authentication-kubeconfig=" + k, "--authorization-kubeconfig=" + k,
	}
}

// register lets the API server take external metrics from a port of loopback.
// A Service with an external name needs no Endpoints, which cannot be there.
func (w *World) register(ctx context.Context, adapter *process.Process, port int) error {
	const service = "external-metrics"
	err := w.cluster.Request(ctx, http.MethodPost, "/api/v1/namespaces/"+namespace+"/services", object{
		"metadata": object{"name": service}, "spec": object{"type": "ExternalName", "externalName": "localhost"},
	}, nil)
	if err != nil {
		return err
	}
	err = w.cluster.Request(ctx, http.MethodPost, "/apis/apiregistration.k8s.io/v1/apiservices", object{
		"metadata": object{"name": "v1beta1.external.metrics.k8s.io"},
		"spec": object{
			"group": "external.metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
			"insecureSkipTLSVerify": true, "service": object{"namespace": namespace, "name": service, "port": port},
		},
	}, nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return adapter.Await(ctx, "external metrics", func(ctx context.Context) error {
		return w.cluster.Request(ctx, http.MethodGet, "/apis/external.metrics.k8s.io/v1beta1", nil, nil)
	})
}
