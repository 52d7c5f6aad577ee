package workload

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

type object = map[string]any

// api is an API server with one Deployment, for what a real one does not do on
// demand: refuse, break off, lag. What a real one does is tested in
// tests/scaler.
type api struct {
	dynamic.NamespaceableResourceInterface

	mu       sync.Mutex
	requests []string // verbs, in order
	refuse   map[string]error
	short    bool // watches end at once
	restless bool // every request meets a new version

	version, replicas int
	paused            bool
	streams           []*watch.RaceFreeFakeWatcher
}

func newAPI() *api { return &api{version: 1, replicas: 1, refuse: map[string]error{}} }

func (a *api) workload() *Workload {
	return New(Ref{"apps/v1", "Deployment", "bpm", "web"}, a, Discovery{}, NewAutoscalers(a))
}

func (a *api) Resource(schema.GroupVersionResource) dynamic.NamespaceableResourceInterface { return a }

func (a *api) Namespace(string) dynamic.ResourceInterface { return a }

// take returns the requests since the last take.
func (a *api) take() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	taken := strings.Join(a.requests, " ")
	a.requests = nil
	return taken
}

func (a *api) set(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
}

func (a *api) forbid(verbs ...string) {
	a.set(func() {
		a.refuse = map[string]error{}
		for _, verb := range verbs {
			a.refuse[verb] = apierrors.NewForbidden(schema.GroupResource{Group: "apps", Resource: "deployments"}, "web", fmt.Errorf("no rule for %s", verb))
		}
	})
}

// change makes a new version, and shows it to whoever watches unless the watch lags.
func (a *api) change(shown bool, change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.version++
	change()
	for _, s := range a.streams {
		if shown && !s.IsStopped() {
			s.Modify(a.object())
		}
	}
}

func (a *api) object() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: object{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": object{
			"name": "web", "uid": "u", "resourceVersion": strconv.Itoa(a.version),
			"annotations": object{PausedAnnotation: strconv.FormatBool(a.paused)},
		},
		"spec": object{"replicas": int64(a.replicas)},
	}}
}

func (a *api) scale() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: object{
		"metadata": object{"uid": "u", "resourceVersion": strconv.Itoa(a.version)},
		"spec":     object{"replicas": int64(a.replicas)},
	}}
}

func (a *api) request(verb string) error {
	a.requests = append(a.requests, verb)
	if a.restless {
		a.version++
	}
	return a.refuse[verb]
}

func (a *api) List(context.Context, metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.request("list"); err != nil {
		return nil, err
	}
	list := &unstructured.UnstructuredList{Object: object{"metadata": object{"resourceVersion": strconv.Itoa(a.version)}}}
	list.Items = append(list.Items, *a.object())
	return list, nil
}

func (a *api) Watch(ctx context.Context, _ metav1.ListOptions) (watch.Interface, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.request("watch"); err != nil {
		return nil, err
	}
	s := watch.NewRaceFreeFake()
	context.AfterFunc(ctx, s.Stop)
	if a.short {
		s.Stop()
	}
	a.streams = append(a.streams, s)
	return s, nil
}

func (a *api) Get(context.Context, string, metav1.GetOptions, ...string) (*unstructured.Unstructured, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.request("get"); err != nil {
		return nil, err
	}
	return a.scale(), nil
}

func (a *api) Patch(_ context.Context, _ string, _ types.PatchType, patch []byte, _ metav1.PatchOptions, _ ...string) (*unstructured.Unstructured, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.request("patch"); err != nil {
		return nil, err
	}
	var want struct {
		Metadata struct{ ResourceVersion string }
		Spec     struct{ Replicas int }
	}
	if err := json.Unmarshal(patch, &want); err != nil {
		return nil, err
	}
	if want.Metadata.ResourceVersion != strconv.Itoa(a.version) {
		return nil, apierrors.NewConflict(schema.GroupResource{Group: "apps", Resource: "deployments"}, "web", fmt.Errorf("it is at %d", a.version))
	}
	a.version++
	a.replicas = want.Spec.Replicas
	return a.scale(), nil
}
