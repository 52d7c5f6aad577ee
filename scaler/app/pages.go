package app

import (
	"context"
	"net/http"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/api"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/event"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/fleet"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/journal"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
	"github.com/camunda-autoscaler/camunda-autoscaler/service"
)

// serveDecisions adds the paths that tell of decisions.
func serveDecisions(mux *http.ServeMux, o Options, kept *journal.Journal, targets *fleet.Fleet, stands standing, history *event.History) {
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
	server.Register(mux)
}
