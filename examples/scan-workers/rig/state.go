package rig

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/go-logfmt/logfmt"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/pods"
)

// State is how a pool is.
type State struct {
	Jobs     int // that wait in the queue; those that a worker has are not among them
	Replicas int // that the Deployment should have
	Pods     int // that there are
}

// State reads how a pool is.
func (r *Rig) State(ctx context.Context, pool string) (s State, err error) {
	var d struct {
		Spec   struct{ Replicas int }
		Status struct{ Replicas int }
	}
	if err := r.Cluster.Request(ctx, http.MethodGet, "/apis/apps/v1/namespaces/"+Namespace+"/deployments/"+pool, nil, &d); err != nil {
		return s, err
	}
	s.Replicas, s.Pods = d.Spec.Replicas, d.Status.Replicas
	s.Jobs, err = r.messages(ctx, pool)
	return s, err
}

// First returns when something first happened to a Pod, at a time or later; the
// zero time if it has not.
func (r *Rig) First(kind pods.Kind, since time.Time) time.Time {
	for _, e := range r.Events() {
		if e.Kind == kind && !e.At.Before(since) {
			return e.At
		}
	}
	return time.Time{}
}

// Count returns how often something has happened to Pods.
func (r *Rig) Count(kind pods.Kind) (n int) {
	for _, e := range r.Events() {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// Worked returns how long a worker had worked at its job when it was killed.
func (r *Rig) Worked(pod string, killed time.Time) (time.Duration, error) {
	var started time.Time
	err := r.workerLog(pod, func(at time.Time, line map[string]string) {
		if line["msg"] == "job started" {
			started = at
		}
	})
	if err == nil && started.IsZero() {
		err = fmt.Errorf("the log of %s says nothing of the job that it was killed with", pod)
	}
	return killed.Sub(started), err
}

// GivenBack returns how many jobs a worker gave back as it had just started
// them, and how long it had worked at them.
func (r *Rig) GivenBack(pod string) (n int, took time.Duration, err error) {
	err = r.workerLog(pod, func(_ time.Time, line map[string]string) {
		if line["msg"] == "job given back" {
			n++
			seconds, _ := strconv.ParseFloat(line["seconds"], 64) // the worker wrote it
			took += time.Duration(seconds * float64(time.Second))
		}
	})
	return n, took, err
}

// FinishedAfter returns how many jobs a worker finished after a time.
func (r *Rig) FinishedAfter(pod string, since time.Time) (n int, err error) {
	err = r.workerLog(pod, func(at time.Time, line map[string]string) {
		if line["msg"] == "job done" && at.After(since) {
			n++
		}
	})
	return n, err
}

// JobAt returns how long a worker had worked at its job at a time, and what
// became of the job; that is empty if it had none.
func (r *Rig) JobAt(pod string, at time.Time) (worked time.Duration, became string, err error) {
	var started time.Time
	err = r.workerLog(pod, func(t time.Time, line map[string]string) {
		switch {
		case t.Before(at) && line["msg"] == "job started":
			started = t
		case t.Before(at) && (line["msg"] == "job done" || line["msg"] == "job given back"):
			started = time.Time{}
		case !started.IsZero() && became == "" && line["msg"] == "job done":
			became = "finished"
		case !started.IsZero() && became == "" && line["msg"] == "job given back":
			became = "given back"
		}
	})
	switch {
	case err != nil || started.IsZero():
		return 0, "", err
	case became == "":
		became = "interrupted"
	}
	return at.Sub(started), became, nil
}

// workerLog calls each with every line of a worker's log.
func (r *Rig) workerLog(pod string, each func(at time.Time, line map[string]string)) error {
	file, err := os.Open(r.runner.Log(pod, "worker"))
	if err != nil {
		return err
	}
	defer file.Close()
	for d := logfmt.NewDecoder(file); d.ScanRecord(); {
		line := map[string]string{}
		for d.ScanKeyval() {
			line[string(d.Key())] = string(d.Value())
		}
		at, err := time.Parse(time.RFC3339Nano, line["ts"])
		if err != nil {
			return fmt.Errorf("the log of %s: %w", pod, err)
		}
		each(at, line)
	}
	return nil
}
