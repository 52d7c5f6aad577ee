package pods

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

const deployments = "/apis/apps/v1/namespaces/default/deployments"

// log has what happened to Pods.
type log struct {
	mu     sync.Mutex
	events []Event
}

func (l *log) add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

// of returns the kinds of the events of a Deployment's Pods.
func (l *log) of(deployment string) (kinds []Kind) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		if e.Pod.Metadata.Labels["app"] == deployment {
			kinds = append(kinds, e.Kind)
		}
	}
	return kinds
}

// between returns the time between the first events of two kinds.
func (l *log) between(deployment string, from, to Kind) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := map[Kind]time.Time{}
	for _, e := range l.events {
		if e.Pod.Metadata.Labels["app"] == deployment && at[e.Kind].IsZero() {
			at[e.Kind] = e.At
		}
	}
	return at[to].Sub(at[from])
}

// TestRunner runs Deployments of a real control plane, whose containers are shell
// scripts.
func TestRunner(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute) // a first build included
	t.Cleanup(cancel)
	cluster, err := kube.Start(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	if err := cluster.StartBareNodes(ctx, 1, "8", "8Gi"); err != nil {
		t.Fatal(err)
	}
	err = cluster.Request(ctx, http.MethodPost, "/api/v1/namespaces/default/secrets",
		object{"metadata": object{"name": "broker"}, "stringData": object{"password": "secret"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var l log
	running, end := context.WithCancel(ctx)
	r := Start(running, cluster, Options{
		Dir: dir, Namespace: "default", Network: 77, Observe: l.add,
		Play: func(ctx context.Context, r *Runner, pod *Pod, c Container) (Program, error) {
			env, err := r.Environment(ctx, pod, c)
			p := Program{Spec: process.Spec{Path: "/bin/sh", Args: c.Args, Dir: dir}}
			for name, value := range env {
				p.Env = append(p.Env, name+"="+value)
			}
			if c.Image == "probed" {
				p.Ready = func(context.Context) error {
					_, err := os.Stat(filepath.Join(dir, pod.Metadata.Labels["app"]+"-ready"))
					return err
				}
			}
			return p, err
		},
	})
	t.Cleanup(r.Wait)
	t.Cleanup(end)

	const polite = `trap 'exit 0' TERM; while :; do sleep 0.1; done`
	t.Run("init container, environment, readiness, SIGTERM", func(t *testing.T) {
		t.Parallel()
		spec := podSpec("probed", polite)
		spec["initContainers"] = []object{{"name": "first", "image": "plain", "args": []string{"-c", `echo "$NAME at $IP: $PASSWORD" > init`}, "env": []object{
			{"name": "NAME", "valueFrom": object{"fieldRef": object{"fieldPath": "metadata.name"}}},
			{"name": "IP", "valueFrom": object{"fieldRef": object{"fieldPath": "status.podIP"}}},
			{"name": "PASSWORD", "valueFrom": object{"secretKeyRef": object{"name": "broker", "key": "password"}}},
		}}}
		create(t, cluster, "polite", spec)
		l.await(t, "polite", Started)
		if text, _ := os.ReadFile(filepath.Join(dir, "init")); !strings.HasPrefix(string(text), "polite-") || !strings.Contains(string(text), " at 127.77.") || !strings.HasSuffix(string(text), ": secret\n") {
			t.Errorf("the init container got %q", text)
		}
		awaitReady(t, cluster, "polite", 0)
		if err := os.WriteFile(filepath.Join(dir, "polite-ready"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		awaitReady(t, cluster, "polite", 1)
		l.await(t, "polite", Started, Ready)
		if err := os.Remove(filepath.Join(dir, "polite-ready")); err != nil {
			t.Fatal(err)
		}
		awaitReady(t, cluster, "polite", 0)
		scale(t, cluster, "polite", 0)
		l.await(t, "polite", Started, Ready, Unready, Term, Gone)
		awaitPods(t, cluster, "polite", 0)
	})
	t.Run("SIGKILL after the grace period", func(t *testing.T) {
		t.Parallel()
		spec := podSpec("plain", `trap '' TERM; while :; do sleep 0.1; done`)
		spec["terminationGracePeriodSeconds"] = 1
		create(t, cluster, "stubborn", spec)
		awaitReady(t, cluster, "stubborn", 1)
		scale(t, cluster, "stubborn", 0)
		l.await(t, "stubborn", Started, Ready, Term, Killed, Gone)
		awaitPods(t, cluster, "stubborn", 0)
	})
	t.Run("preStop sleeps before SIGTERM", func(t *testing.T) {
		t.Parallel()
		spec := podSpec("plain", polite)
		spec["containers"].([]object)[0]["lifecycle"] = object{"preStop": object{"sleep": object{"seconds": 2}}}
		create(t, cluster, "sleeper", spec)
		awaitReady(t, cluster, "sleeper", 1)
		scale(t, cluster, "sleeper", 0)
		l.await(t, "sleeper", Started, Ready, Term, Gone)
		if took := l.between("sleeper", Term, Gone); took < 2*time.Second {
			t.Errorf("the container ended %s after its Pod was deleted, want 2s or more", took)
		}
	})
	t.Run("what ends starts again", func(t *testing.T) {
		t.Parallel()
		create(t, cluster, "crash", podSpec("plain", polite))
		awaitReady(t, cluster, "crash", 1)
		pods := awaitPods(t, cluster, "crash", 1)
		if err := r.Signal("default", pods[0], "main", syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		l.await(t, "crash", Started, Ready, Crashed, Unready, Started, Ready)
	})
	t.Cleanup(func() {
		if err := r.Problems(); err != nil {
			t.Error(err)
		}
	})
}

func podSpec(image, script string) object {
	return object{"containers": []object{{"name": "main", "image": image, "args": []string{"-c", script}}}}
}

func create(t *testing.T, cluster *kube.Cluster, name string, spec object) {
	t.Helper()
	labels := object{"app": name}
	err := cluster.Request(t.Context(), http.MethodPost, deployments, object{
		"metadata": object{"name": name},
		"spec":     object{"selector": object{"matchLabels": labels}, "template": object{"metadata": object{"labels": labels}, "spec": spec}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

func scale(t *testing.T, cluster *kube.Cluster, name string, replicas int) {
	t.Helper()
	if err := cluster.Request(t.Context(), http.MethodPatch, deployments+"/"+name+"/scale", object{"spec": object{"replicas": replicas}}, nil); err != nil {
		t.Fatal(err)
	}
}

func (l *log) await(t *testing.T, deployment string, want ...Kind) {
	t.Helper()
	await(t, func() error {
		if got := l.of(deployment); !slices.Equal(got, want) {
			return fmt.Errorf("the events are %v, want %v", got, want)
		}
		return nil
	})
}

func awaitReady(t *testing.T, cluster *kube.Cluster, name string, want int) {
	t.Helper()
	await(t, func() error {
		var d struct{ Status struct{ ReadyReplicas int } }
		err := cluster.Request(t.Context(), http.MethodGet, deployments+"/"+name, nil, &d)
		if err == nil && d.Status.ReadyReplicas != want {
			err = fmt.Errorf("%d Pods are ready, want %d", d.Status.ReadyReplicas, want)
		}
		return err
	})
}

func awaitPods(t *testing.T, cluster *kube.Cluster, name string, want int) (names []string) {
	t.Helper()
	await(t, func() error {
		var found struct {
			Items []struct{ Metadata struct{ Name string } }
		}
		err := cluster.Request(t.Context(), http.MethodGet, "/api/v1/namespaces/default/pods?labelSelector=app="+name, nil, &found)
		names = nil
		for _, p := range found.Items {
			names = append(names, p.Metadata.Name)
		}
		if err == nil && len(names) != want {
			err = fmt.Errorf("the Pods are %v, want %d", names, want)
		}
		return err
	})
	return names
}

func await(t *testing.T, check func() error) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for err := check(); err != nil; err = check() {
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
