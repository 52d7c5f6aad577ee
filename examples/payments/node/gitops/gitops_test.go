package gitops

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

var withFlux = flag.Bool("flux", false, "run Flux's kustomize-controller, which takes minutes to build the first time")

const (
	manifests  = "../../kubernetes"
	inGit      = "examples/payments/kubernetes" // as overlays/gitops/flux names it
	deployment = "/apis/apps/v1/namespaces/payments/deployments/payment-provider"
	flux       = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/payments"
)

// TestGitOps has Flux apply what is in Git: a release is a commit, a rollback its
// revert. kwok plays the node.
func TestGitOps(t *testing.T) {
	if !*withFlux {
		t.Skip("left out unless it is run with -flux: make test-example-payments-gitops")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute) // a first build included
	defer cancel()
	c, controller := newCluster(ctx, t)
	within := func(t *testing.T, what string, try func(context.Context) error) {
		t.Helper()
		ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
		defer cancel()
		if err := controller.Await(ctx, what, try); err != nil {
			t.Fatal(err)
		}
	}
	source, err := NewSource(ctx, c, t.TempDir(), inGit, manifests)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	publish := func(t *testing.T) (took time.Duration) {
		t.Helper()
		from := time.Now()
		revision, err := source.Publish(ctx, "flux-system", "payments")
		if err != nil {
			t.Fatal(err)
		}
		within(t, revision, func(ctx context.Context) error { return applied(ctx, c, revision) })
		return time.Since(from)
	}
	tag := func(t *testing.T, from, to string) {
		t.Helper()
		path := source.Path(inGit + "/overlays/gitops/kustomization.yaml")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		const image = "  - name: payment-provider\n    newTag: "
		changed := strings.Replace(string(text), image+from, image+to, 1)
		if changed == string(text) {
			t.Fatalf("%s has no tag %s of the provider:\n%s", path, from, text)
		}
		if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := source.Commit(ctx, "release "+to); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("a commit deploys", func(t *testing.T) {
		took := publish(t)
		check(ctx, t, c, "payment-provider:0.1.0", 1)
		t.Logf("from nothing: %.1f s", took.Seconds())
	})
	t.Run("a new tag is a release, and the replicas stay the scaler's", func(t *testing.T) {
		scale := object{"spec": object{"replicas": 3}}
		if err := c.Request(ctx, http.MethodPatch, deployment+"/scale?fieldManager=camunda-scaler", scale, nil); err != nil {
			t.Fatal(err)
		}
		tag(t, "0.1.0", "0.2.0")
		took := publish(t)
		check(ctx, t, c, "payment-provider:0.2.0", 3)
		t.Logf("a release: %.1f s", took.Seconds())
	})
	t.Run("a change by hand is taken back", func(t *testing.T) {
		change := object{"spec": object{"template": object{"metadata": object{"labels": object{"app.kubernetes.io/part-of": "something"}}}}}
		if err := c.Request(ctx, http.MethodPatch, deployment+"?fieldManager=kubectl", change, nil); err != nil {
			t.Fatal(err)
		}
		reconcile := object{"metadata": object{"annotations": object{"reconcile.fluxcd.io/requestedAt": time.Now().String()}}}
		if err := c.Request(ctx, http.MethodPatch, flux, reconcile, nil); err != nil {
			t.Fatal(err)
		}
		within(t, "the label of Git", func(ctx context.Context) error {
			d, err := get(ctx, c)
			if label := d.Spec.Template.Metadata.Labels["app.kubernetes.io/part-of"]; err == nil && label != "payments" {
				err = fmt.Errorf("the Pods' label is %q", label)
			}
			return err
		})
		check(ctx, t, c, "payment-provider:0.2.0", 3)
	})
	t.Run("a revert is a rollback", func(t *testing.T) {
		if err := source.Revert(ctx); err != nil {
			t.Fatal(err)
		}
		took := publish(t)
		check(ctx, t, c, "payment-provider:0.1.0", 3)
		t.Logf("a rollback: %.1f s", took.Seconds())
	})
	t.Run("what leaves Git leaves the cluster", func(t *testing.T) {
		const budget = "/apis/policy/v1/namespaces/payments/poddisruptionbudgets/payment-provider"
		if err := c.Request(ctx, http.MethodGet, budget, nil, nil); err != nil {
			t.Fatal(err)
		}
		path := source.Path(inGit + "/base/provider.yaml")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var kept []string
		for part := range strings.SplitSeq(string(text), "---\n") {
			if !strings.Contains(part, "kind: PodDisruptionBudget") {
				kept = append(kept, part)
			}
		}
		if err := os.WriteFile(path, []byte(strings.Join(kept, "---\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := source.Commit(ctx, "no budget"); err != nil {
			t.Fatal(err)
		}
		publish(t)
		if err := c.Request(ctx, http.MethodGet, budget, nil, nil); err == nil || !strings.Contains(err.Error(), "404") {
			t.Errorf("the PodDisruptionBudget: %v, want it gone", err)
		}
	})
}

// newCluster has a node of kwok's, a volume, Flux, and the objects of overlays/gitops/flux
// that kustomize-controller reads.
func newCluster(ctx context.Context, t *testing.T) (*kube.Cluster, *process.Process) {
	t.Helper()
	folder, err := build.Folder(ctx, build.Flux)
	if err != nil {
		t.Fatal(err)
	}
	c, err := kube.Start(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	if err := c.StartNodes(ctx, 1); err != nil {
		t.Fatal(err)
	}
	definitions, err := filepath.Glob(filepath.Join(folder, "crds", "*.yaml"))
	if err != nil || len(definitions) == 0 {
		t.Fatalf("%s has no custom resource definitions (%v)", folder, err)
	}
	const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
	for _, path := range definitions {
		for _, o := range decode(t, path) {
			post(ctx, t, c, crds, o)
		}
	}
	for plural, kind := range map[string]string{"gitrepositories": "GitRepository", "ocirepositories": "OCIRepository", "buckets": "Bucket"} {
		post(ctx, t, c, crds, definition(plural, kind))
	}
	post(ctx, t, c, "/apis/storage.k8s.io/v1/storageclasses", object{
		"metadata":    object{"name": "local", "annotations": object{"storageclass.kubernetes.io/is-default-class": "true"}},
		"provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer",
	})
	post(ctx, t, c, "/api/v1/persistentvolumes", object{"metadata": object{"name": "local"}, "spec": object{
		"storageClassName": "local", "capacity": object{"storage": "1Gi"}, "accessModes": []string{"ReadWriteOnce"},
		"hostPath": object{"path": "/nothing"},
	}})
	post(ctx, t, c, "/api/v1/namespaces", object{"metadata": object{"name": "flux-system"}})
	controller := startFlux(ctx, t, c, folder)
	for _, o := range decode(t, manifests+"/overlays/gitops/flux/source.yaml") {
		group, plural := "source.toolkit.fluxcd.io", "gitrepositories"
		if o["kind"] == "Kustomization" {
			group, plural = "kustomize.toolkit.fluxcd.io", "kustomizations"
		}
		path := "/apis/" + group + "/v1/namespaces/flux-system/" + plural
		post(ctx, t, c, path, o) // its definition is served: the controller is ready
	}
	return c, controller
}

func startFlux(ctx context.Context, t *testing.T, c *kube.Cluster, folder string) *process.Process {
	t.Helper()
	dir := t.TempDir()
	var p *process.Process
	err := ports.Retry(2, func(free []int) (err error) {
		p, err = process.Start(ctx, process.Spec{
			Name: "kustomize-controller", Path: filepath.Join(folder, "kustomize-controller"), Dir: dir,
			Args: []string{"--metrics-addr=" + ports.Address(free[0]), "--health-addr=" + ports.Address(free[1]), "--no-remote-bases"},
			Env:  []string{"KUBECONFIG=" + c.Kubeconfig, "RUNTIME_NAMESPACE=flux-system", "TMPDIR=" + dir},
			Log:  filepath.Join(dir, "kustomize-controller.log"),
		})
		if err != nil {
			return err
		}
		return p.AwaitReady(ctx, "kustomize-controller", "http://"+ports.Address(free[1])+"/readyz", time.Minute)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(p.RecentLog())
		}
		p.Kill()
	})
	return p
}

// definition has a kind of source-controller's, of any fields.
func definition(plural, kind string) object {
	const group = "source.toolkit.fluxcd.io"
	return object{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": object{"name": plural + "." + group},
		"spec": object{
			"group": group, "scope": "Namespaced", "names": object{"plural": plural, "kind": kind},
			"versions": []object{{
				"name": "v1", "served": true, "storage": true, "subresources": object{"status": object{}},
				"schema": object{"openAPIV3Schema": object{"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
			}},
		},
	}
}

// applied returns nil when Flux has applied a revision, and all of it is healthy.
func applied(ctx context.Context, c *kube.Cluster, revision string) error {
	var k struct {
		Status struct {
			LastAppliedRevision string
			Conditions          []struct{ Type, Status, Message string }
		}
	}
	if err := c.Request(ctx, http.MethodGet, flux, nil, &k); err != nil {
		return err
	}
	for _, condition := range k.Status.Conditions {
		if condition.Type == "Ready" && condition.Status == "True" && k.Status.LastAppliedRevision == revision {
			return nil
		}
	}
	return fmt.Errorf("Flux has not applied %s: %+v", revision, k.Status) //nolint:staticcheck // a name
}

type provider struct {
	Spec struct {
		Replicas int
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct{ Containers []struct{ Image string } }
		}
	}
}

func get(ctx context.Context, c *kube.Cluster) (d provider, err error) {
	return d, c.Request(ctx, http.MethodGet, deployment, nil, &d)
}

func check(ctx context.Context, t *testing.T, c *kube.Cluster, image string, replicas int) {
	t.Helper()
	d, err := get(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Spec.Template.Spec.Containers[0].Image; got != image || d.Spec.Replicas != replicas {
		t.Errorf("there are %d replicas of %s, want %d of %s", d.Spec.Replicas, got, replicas, image)
	}
}

func post(ctx context.Context, t *testing.T, c *kube.Cluster, path string, o object) {
	t.Helper()
	if err := c.Request(ctx, http.MethodPost, path, o, nil); err != nil {
		t.Fatal(err)
	}
}

// decode reads the objects of a file.
func decode(t *testing.T, path string) (all []object) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq(string(text), "---\n") {
		var o object
		if err := yaml.Unmarshal([]byte(part), &o); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if o != nil {
			all = append(all, o)
		}
	}
	return all
}
