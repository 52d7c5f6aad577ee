package workload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-kit/log"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/kubeapi"
)

// From how many workloads of a kind on a namespace is watched instead of each of
// them, and from how many namespaces on the cluster instead of each of those.
// Whoever names one or two wants no more than these to be read; a watch of all
// namespaces reads what may be far more than is scaled.
const (
	many           = 3
	manyNamespaces = 50
)

// watched is what is watched of a kind.
type watched struct {
	names    map[string][]string            // of the workloads, by namespace
	watchers map[string]map[string]*watcher // by namespace and name; "" is all
}

// Watch makes these workloads the ones that are watched, so that Get needs no
// request for them. Many of a kind share a watch, where the rights allow it. It
// returns at once, except for no workloads: then once nothing is watched any
// more.
//
// Nothing depends on a watch: while there is none, Get makes requests, or
// returns why none can be made.
func (c *Cluster) Watch(refs []Ref) {
	names := map[kubeapi.Kind]map[string][]string{}
	for _, ref := range refs {
		of := names[ref.kind()]
		if of == nil {
			of = map[string][]string{}
			names[ref.kind()] = of
		}
		of[ref.Namespace] = append(of[ref.Namespace], ref.Name)
	}
	c.mu.Lock()
	for k, of := range names {
		if c.kinds[k] == nil {
			c.kinds[k] = &watched{watchers: map[string]map[string]*watcher{}}
		}
		c.kinds[k].names = of
	}
	for k, w := range c.kinds {
		if names[k] == nil {
			w.names = nil
		}
		c.arrange(k)
		if names[k] == nil {
			delete(c.kinds, k)
		}
	}
	c.mu.Unlock()
	if len(refs) == 0 {
		c.watching.Wait()
	}
}

// arrange starts and stops the watches of a kind.
func (c *Cluster) arrange(k kubeapi.Kind) {
	w := c.kinds[k]
	c.want(k, kubeapi.Place{}, len(w.names) >= manyNamespaces)
	for namespace := range w.names {
		c.arrangeIn(k, namespace)
	}
	for namespace := range w.watchers {
		if namespace != "" && w.names[namespace] == nil {
			c.arrangeIn(k, namespace)
		}
	}
}

// arrangeIn is arrange for a namespace. A watch that was refused stays, to try
// again, together with those of what is in its place.
func (c *Cluster) arrangeIn(k kubeapi.Kind, namespace string) {
	w := c.kinds[k]
	names, left := w.names[namespace], !w.watchers[""][""].serves()
	c.want(k, kubeapi.Place{Namespace: namespace}, left && len(names) >= many)
	left = left && !w.watchers[namespace][""].serves()
	wanted := map[string]bool{"": true}
	for _, name := range names {
		wanted[name] = left
		c.want(k, kubeapi.Place{Namespace: namespace, Name: name}, left)
	}
	for name := range w.watchers[namespace] {
		if !wanted[name] {
			c.want(k, kubeapi.Place{Namespace: namespace, Name: name}, false)
		}
	}
}

// want starts or stops the watch of a place.
func (c *Cluster) want(k kubeapi.Kind, in kubeapi.Place, wanted bool) {
	of := c.kinds[k].watchers
	switch runs := of[in.Namespace][in.Name]; {
	case wanted && runs == nil:
		if of[in.Namespace] == nil {
			of[in.Namespace] = map[string]*watcher{}
		}
		w := newWatcher(c, k, in)
		of[in.Namespace][in.Name] = w
		ctx, cancel := context.WithCancel(context.Background())
		w.stop = cancel
		c.watching.Go(func() { w.run(ctx) })
	case !wanted && runs != nil:
		runs.stop()
		runs.enter(stopped, nil)
		if delete(of[in.Namespace], in.Name); len(of[in.Namespace]) == 0 {
			delete(of, in.Namespace)
		}
	}
}

// watcherOf returns the watch that serves a workload, or that is refused if none
// does; nil if it is not watched.
func (c *Cluster) watcherOf(ref Ref) *watcher {
	kind := c.kinds[ref.kind()]
	if kind == nil {
		return nil
	}
	of := kind.watchers
	for _, w := range []*watcher{of[""][""], of[ref.Namespace][""]} {
		if w.serves() {
			return w
		}
	}
	return of[ref.Namespace][ref.Name]
}

// errBlind means that the workload itself must not be read.
var errBlind = errors.New("no right to list the workload")

// briefly is how long a Get waits for the watch of the one workload, before it
// makes requests of its own.
const briefly = time.Second

// watchedView returns what a watch knows of a workload: nil if there is no watch
// to know it by. It waits for one that is being opened, and returns an error if
// a watch of many cannot be opened: if each of them made requests of its own,
// the API server would come back to a flood.
func (c *Cluster) watchedView(ctx context.Context, ref Ref) (*view, error) {
	var limit <-chan time.Time
	for {
		c.mu.Lock()
		w := c.watcherOf(ref)
		if w == nil {
			c.mu.Unlock()
			return nil, nil
		}
		phase, err, changed := w.phase, w.err, w.changed
		known, exists := w.views[ref.place()]
		c.mu.Unlock()
		single := w.in.Name != ""
		switch {
		case phase == open && !exists:
			return &view{gone: true}, nil
		case phase == open:
			return &known, nil
		case phase == refused:
			return nil, errBlind
		case phase == unwatched, phase == failing && single:
			return nil, nil
		case phase == failing:
			return nil, err
		}
		if limit == nil {
			wait := Timeout
			if single {
				wait = briefly
			}
			timer := time.NewTimer(wait)
			defer timer.Stop()
			limit = timer.C
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the watch of %s: %w", w, ctx.Err())
		case <-limit:
			if single {
				return nil, nil
			}
			return nil, fmt.Errorf("wait for the watch of %s: %w", w, context.DeadlineExceeded)
		}
	}
}

func (c *Cluster) log(w *watcher) log.Logger {
	if w.in.Name != "" {
		return log.With(c.logger, "namespace", w.in.Namespace, "workload", Ref{Kind: w.kind.Name, Name: w.in.Name})
	}
	return log.With(c.logger, "namespace", w.in.Namespace, "kind", w.kind.Name)
}
