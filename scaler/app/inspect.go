package app

import (
	"context"
	"fmt"
	"io"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/inspect"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
)

// Inspect writes what the configuration's Prometheus knows of its targets. It
// returns how many have no sample to decide on.
func Inspect(ctx context.Context, c config.Config, w io.Writer) (missing int, err error) {
	self, own := metrics.New(), map[string]v1.API{}
	all, err := newPrometheus(c.Prometheus, 0, self)
	if err != nil {
		return 0, err
	}
	for _, t := range c.Targets {
		if t.Prometheus == nil {
			own[t.Name] = all
		} else if own[t.Name], err = newPrometheus(*t.Prometheus, 0, self); err != nil {
			return 0, fmt.Errorf("target %s: %w", t.Name, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return inspect.Write(ctx, func(t config.Target) v1.API { return own[t.Name] }, c, w), nil
}
