package app

import (
	"context"
	"io"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/inspect"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
)

// Inspect writes what the configuration's Prometheus knows of its targets. It
// returns how many have no sample to decide on.
func Inspect(ctx context.Context, c config.Config, w io.Writer) (missing int, err error) {
	api, err := newPrometheus(c.Prometheus, 0, metrics.New())
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return inspect.Write(ctx, api, c, w), nil
}
