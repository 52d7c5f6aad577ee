package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/payments/antaeus"
)

// Replicas are those of a Deployment.
type Replicas struct {
	Desired, Ready int
	settled        bool // all are ready and of the newest template
}

// Replicas reads a Deployment.
func (r *Rig) Replicas(ctx context.Context, name string) (Replicas, error) {
	var d struct {
		Metadata struct{ Generation int }
		Spec     struct{ Replicas int }
		Status   struct{ ObservedGeneration, Replicas, UpdatedReplicas, ReadyReplicas int }
	}
	err := r.Cluster.Request(ctx, http.MethodGet, deployment(name), nil, &d)
	n := d.Spec.Replicas
	return Replicas{
		Desired: n, Ready: d.Status.ReadyReplicas,
		settled: d.Status.ObservedGeneration == d.Metadata.Generation && d.Status.Replicas == n && d.Status.UpdatedReplicas == n && d.Status.ReadyReplicas == n,
	}, err
}

// Settled returns when both Deployments have all of their Pods ready, and no others,
// and the Services know it.
func (r *Rig) Settled(ctx context.Context) error {
	for _, name := range []string{Provider, Antaeus} {
		err := r.Await(ctx, "the Pods of "+name, func() (bool, error) {
			is, err := r.Replicas(ctx, name)
			if err != nil || !is.settled {
				return false, err
			}
			addresses, err := r.endpoints(ctx, name)
			return len(addresses) == is.Desired, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Await returns when something is so, or an error after two minutes.
func (r *Rig) Await(ctx context.Context, what string, is func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		ok, err := is()
		if err == nil {
			err = r.Err()
		}
		if ok || err != nil {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		}
	}
}

// Pay calls Antaeus to pay, and returns the status and the answer.
func (r *Rig) Pay(ctx context.Context) (status int, answer string, err error) {
	return request(ctx, http.MethodPost, r.Antaeus+"/rest/v1/invoices/pay")
}

// Invoices returns how many invoices are paid, of how many.
func (r *Rig) Invoices(ctx context.Context) (paid, all int, err error) {
	_, text, err := request(ctx, http.MethodGet, r.Antaeus+"/rest/v1/invoices")
	if err != nil {
		return 0, 0, err
	}
	var invoices []antaeus.Invoice
	if err := json.Unmarshal([]byte(text), &invoices); err != nil {
		return 0, 0, fmt.Errorf("the invoices: %w", err)
	}
	for _, i := range invoices {
		if i.Status == antaeus.Paid {
			paid++
		}
	}
	return paid, len(invoices), nil
}

// Kill kills all Pods of the provider, in the middle of what they do.
func (r *Rig) Kill(ctx context.Context) error {
	return r.Cluster.Request(ctx, http.MethodDelete, "/api/v1/namespaces/"+Namespace+"/pods?labelSelector=app.kubernetes.io/name="+Provider,
		map[string]any{"gracePeriodSeconds": 0}, nil)
}

func request(ctx context.Context, method, url string) (status int, text string, err error) {
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return 0, "", err
	}
	request.Close = true // a Service spreads connections
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, strings.TrimSpace(string(body)), err
}
