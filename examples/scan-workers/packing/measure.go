package packing

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/rig"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
)

const (
	namespace = "batch"
	nodes     = 16
	timeout   = time.Minute // for a group to be placed, and for its end
	poll      = 100 * time.Millisecond
)

// Way is a way to place the jobs of a group.
type Way struct {
	Name    string
	Planned bool // by nodeSize
	Alone   bool // without affinity
	InTurn  bool // the largest job is created first, and each after the one before, as kubectl does
}

// Ways returns what is measured.
func Ways() []Way {
	return []Way{
		{Name: "the scheduler alone", Alone: true},
		{Name: "preferred affinity to the group"},
		{Name: "preferred affinity, largest job created first", InTurn: true},
		{Name: "planned by nodeSize", Planned: true},
	}
}

// Measure is a cluster whose nodes have no Pods.
type Measure struct {
	cluster *kube.Cluster
	dir     string
	groups  int
}

// NewMeasure starts a control plane and the nodes; it ends when ctx does, or by
// Close. Nothing runs the Pods: where the scheduler puts them is all that counts.
func NewMeasure(ctx context.Context, dir string) (*Measure, error) {
	cluster, err := kube.Start(ctx, filepath.Join(dir, "kube"))
	if err != nil {
		return nil, err
	}
	m := &Measure{cluster: cluster, dir: dir}
	if err := m.prepare(ctx); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

func (m *Measure) prepare(ctx context.Context) error {
	// The default, 20 requests a second, is a few seconds for each group.
	m.cluster.StopControllerManager()
	if err := m.cluster.StartControllerManager(ctx, "--kube-api-qps=1000", "--kube-api-burst=1000"); err != nil {
		return err
	}
	if err := m.cluster.StartBareNodes(ctx, nodes, fmt.Sprintf("%dm", Node.CPU), fmt.Sprintf("%dMi", Node.Memory)); err != nil {
		return err
	}
	return m.cluster.Create(ctx, "", rig.Object{"apiVersion": "v1", "kind": "Namespace", "metadata": rig.Object{"name": namespace}})
}

// Close ends the cluster.
func (m *Measure) Close() { m.cluster.Stop() }

// Nodes places a group, and returns how many nodes that takes.
func (m *Measure) Nodes(ctx context.Context, jobs []Size, way Way) (int, error) {
	m.groups++
	all, err := m.render(ctx, jobs, way)
	if err != nil {
		return 0, err
	}
	var create errgroup.Group
	if way.InTurn {
		create.SetLimit(1)
	}
	for _, o := range all {
		if o["kind"] == "ServiceAccount" { // Pods are not created without
			if err := m.cluster.Create(ctx, namespace, o); err != nil {
				return 0, err
			}
			continue
		}
		create.Go(func() error { return m.cluster.Create(ctx, namespace, o) }) // together, as Helm does
	}
	if err := create.Wait(); err != nil {
		return 0, err
	}
	n, err := m.placed(ctx, len(jobs))
	if err != nil {
		return 0, err
	}
	return n, m.remove(ctx)
}

// render renders the chart for a group.
func (m *Measure) render(ctx context.Context, jobs []Size, way Way) ([]rig.Object, error) {
	if way.InTurn {
		jobs = largestFirst(jobs)
	}
	values := rig.Object{"jobsGroup": fmt.Sprintf("group-%d", m.groups)}
	var list []rig.Object
	for i, job := range jobs {
		list = append(list, rig.Object{
			"containerName": fmt.Sprintf("job-%02d", i), "image": rig.Object{"repository": "none", "tag": "none"},
			"resources": rig.Object{"requests": rig.Object{"cpu": fmt.Sprintf("%dm", job.CPU), "memory": fmt.Sprintf("%dMi", job.Memory)}},
		})
	}
	values["jobs"] = list
	if way.Planned {
		values["nodeSize"] = rig.Object{"cpu": fmt.Sprintf("%dm", Node.CPU), "memory": fmt.Sprintf("%dMi", Node.Memory)}
	}
	text, err := yaml.Marshal(values)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(m.dir, "values.yaml")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return nil, err
	}
	all, err := rig.Render(ctx, "charts/batch-jobs-min-nodes", fmt.Sprintf("g%d", m.groups), file)
	if err != nil || !way.Alone {
		return all, err
	}
	for _, o := range all {
		if o["kind"] == "Job" {
			delete(o["spec"].(rig.Object)["template"].(rig.Object)["spec"].(rig.Object), "affinity")
		}
	}
	return all, nil
}

type pods struct {
	Items []struct{ Spec struct{ NodeName string } }
}

const podsPath = "/api/v1/namespaces/" + namespace + "/pods"

// placed waits until all jobs have a node, and counts the nodes.
func (m *Measure) placed(ctx context.Context, jobs int) (n int, err error) {
	err = await(ctx, func(p pods) error {
		on := map[string]bool{}
		bound := 0
		for _, pod := range p.Items {
			if pod.Spec.NodeName != "" {
				bound++
				on[pod.Spec.NodeName] = true
			}
		}
		n = len(on)
		if bound != jobs {
			return fmt.Errorf("%d of %d jobs have a node", bound, jobs)
		}
		return nil
	}, m.cluster)
	return n, err
}

// remove removes the group, and waits until its Pods are gone.
func (m *Measure) remove(ctx context.Context) error {
	err := m.cluster.Request(ctx, http.MethodDelete, "/apis/batch/v1/namespaces/"+namespace+"/jobs", rig.Object{"propagationPolicy": "Background"}, nil)
	if err != nil {
		return err
	}
	return await(ctx, func(p pods) error {
		if len(p.Items) == 0 {
			return nil
		}
		if err := m.cluster.Request(ctx, http.MethodDelete, podsPath, rig.Object{"gracePeriodSeconds": 0}, nil); err != nil {
			return err
		}
		return fmt.Errorf("%d Pods are left", len(p.Items))
	}, m.cluster)
}

// await lists the Pods until enough returns nil.
func await(ctx context.Context, enough func(pods) error, cluster *kube.Cluster) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		var p pods
		err := cluster.Request(ctx, http.MethodGet, podsPath, nil, &p)
		if err == nil {
			err = enough(p)
		}
		if err == nil {
			return nil
		}
		select {
		case <-time.After(poll):
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}
