package app

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/api"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/event"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/fleet"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/journal"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/page"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
	"github.com/camunda-autoscaler/camunda-autoscaler/service"
)

// Addresses are where a person's browser finds other programs; nil if that is
// unknown.
type Addresses struct {
	Prometheus *url.URL // instead of the one that is queried
	Grafana    *url.URL // the dashboard
}

// newPages returns the pages and the API.
func newPages(o Options, kept *journal.Journal, targets *fleet.Fleet, stands standing, history *event.History) page.Pages {
	server := api.Server{
		Journal: kept,
		Scaler: func() api.Scaler {
			leads, leader := stands()
			return api.Scaler{Version: service.Version(), Leads: leads, Leader: leader}
		},
		Groups: func() (names []string) {
			for _, t := range targets.Config().Targets {
				if t.Group != nil {
					names = append(names, t.Name)
				}
			}
			return names
		},
	}
	if o.Events {
		server.LastEvent = func(ctx context.Context, ref workload.Ref) api.Event {
			last, err := history.Last(ctx, ref)
			if err != nil {
				return api.Event{Unknown: err.Error()}
			}
			return api.Event{Time: &last.Time, Reason: last.Reason, Message: last.Message}
		}
	}
	return page.Pages{
		Server: server, Name: Name, Now: time.Now, Grafana: o.Addresses.Grafana,
		Links: []page.Link{
			{Address: strings.TrimPrefix(o.Web.TelemetryPath, "/"), Text: "Metrics"},
			{Address: "config", Text: "Configuration"},
			{Address: "api/v1/targets", Text: "API"},
			{Address: "-/ready", Text: "Ready"},
			{Address: "-/healthy", Text: "Healthy"},
		},
		Prometheus: func(t config.Target) *url.URL {
			if o.Addresses.Prometheus != nil {
				return o.Addresses.Prometheus
			}
			return public(targets.Config().Server(t).URL)
		},
	}
}

// public is an address without what may be secret.
func public(address *url.URL) *url.URL {
	if address == nil {
		return nil
	}
	return &url.URL{Scheme: address.Scheme, Host: address.Host, Path: address.Path}
}

func register(mux *http.ServeMux, pages page.Pages) {
	pages.Register(mux)
	pages.Server.Register(mux)
}
