package app

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/camunda-autoscaler/camunda-autoscaler/starter/camunda"
	"github.com/camunda-autoscaler/camunda-autoscaler/starter/pace"
)

// engine is the part of the Camunda client that the runner uses.
type engine interface {
	Deploy(context.Context) (made bool, err error)
	Start(context.Context) error
}

// maxOverdue is how late a start may be. Later ones are skipped, so that an
// engine that was slow or down does not get a backlog.
const maxOverdue = 2 * time.Second

// Waits between two attempts to deploy double from the first to the last.
const (
	firstDeployWait = time.Second
	lastDeployWait  = 30 * time.Second
	forbiddenWait   = time.Minute // a permission does not come by asking again
)

// runner starts instances when they are due.
type runner struct {
	engine  engine
	timeout time.Duration
	slots   chan struct{} // holds one for each start in flight
	logger  log.Logger
	metrics *metrics
	report  *report

	rate    atomic.Pointer[pace.Rate]
	changed chan struct{} // the rate was changed

	deployed    atomic.Bool
	missing     chan time.Duration // the process has to be deployed, after a wait
	deployCause camunda.Cause      // why the latest deployment failed; keepDeployed's own
}

func newRunner(e engine, opts Options, logger log.Logger, reg prometheus.Registerer) *runner {
	r := &runner{
		engine: e, timeout: opts.Timeout, slots: make(chan struct{}, opts.MaxConcurrent), logger: logger, report: &report{},
		changed: make(chan struct{}, 1), missing: make(chan time.Duration, 1),
	}
	r.rate.Store(&opts.Rate)
	r.metrics = newMetrics(reg, func() float64 { return float64(r.Rate().Starts) })
	r.missing <- 0
	return r
}

// Rate returns the rate in force.
func (r *runner) Rate() pace.Rate { return *r.rate.Load() }

// SetRate changes the rate at once. The rate must have passed its Check.
func (r *runner) SetRate(rate pace.Rate) {
	r.rate.Store(&rate)
	select {
	case r.changed <- struct{}{}:
	default: // Run has not seen the previous change yet, and will read this one
	}
}

// Ready returns an error while nothing can be started.
func (r *runner) Ready() error {
	if !r.deployed.Load() {
		return errors.New("the process is not deployed yet; see the log")
	}
	return nil
}

// Run starts instances until ctx ends, then waits for those in flight.
func (r *runner) Run(ctx context.Context) {
	var running sync.WaitGroup
	running.Go(func() { r.keepDeployed(ctx) })

	rate := r.Rate()
	schedule := pace.New(time.Now(), rate)
	reportAt := time.Now().Add(rate.Interval)
	for {
		now := time.Now()
		if !now.Before(reportAt) {
			r.report.log(r.logger)
			reportAt = now.Add(rate.Interval)
		}
		tooLate := now.Add(-min(maxOverdue, rate.Interval))
		if !r.deployed.Load() {
			tooLate = now.Add(1) // nothing can be started, so all that is due is skipped
		}
		r.skip(schedule.Skip(tooLate))
		due, more := schedule.Next()
		var slot chan<- struct{}
		wake := reportAt
		switch {
		case more && due.After(now):
			wake = earlier(due, reportAt)
		case more:
			slot = r.slots
		}
		select {
		case slot <- struct{}{}:
			schedule.Take()
			r.metrics.requested.Inc()
			r.report.request()
			running.Go(func() {
				defer func() { <-r.slots }()
				r.start(ctx)
			})
		case <-time.After(time.Until(wake)):
		case <-r.changed:
			rate = r.Rate()
			r.skip(schedule.SetRate(time.Now(), rate))
			reportAt = earlier(reportAt, time.Now().Add(rate.Interval))
		case <-ctx.Done():
			level.Info(r.logger).Log("msg", "stopping", "starts_in_flight", len(r.slots))
			running.Wait()
			r.report.log(r.logger)
			return
		}
	}
}

// start starts one instance and reports the result. It is not canceled with
// ctx.
func (r *runner) start(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.timeout)
	defer cancel()
	begin := time.Now()
	err := r.engine.Start(ctx)
	took := time.Since(begin)
	r.report.done(took, err)
	if err == nil {
		r.metrics.started.Inc()
		r.metrics.duration.Observe(took.Seconds())
		return
	}
	cause := camunda.CauseOf(err)
	r.metrics.failed.WithLabelValues(string(cause)).Inc()
	wait := firstDeployWait
	switch cause {
	case camunda.NotDeployed, camunda.Unauthorized: // the client does not repeat refused credentials
	case camunda.Forbidden:
		wait = forbiddenWait
	default:
		return
	}
	if r.deployed.CompareAndSwap(true, false) {
		level.Warn(r.logger).Log("msg", "starts paused until the process is deployed again", "err", err, "retry_in", wait)
		r.missing <- wait // has room: it was emptied before the process was deployed
	}
}

// keepDeployed deploys the process whenever it is missing, until ctx ends.
func (r *runner) keepDeployed(ctx context.Context) {
	for {
		var wait time.Duration
		select {
		case wait = <-r.missing:
		case <-ctx.Done():
			return
		}
		for {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return
			}
			wait = min(max(2*wait, firstDeployWait), lastDeployWait)
			if r.deploy(ctx, &wait) {
				break
			}
		}
	}
}

// deploy tries once and reports whether it succeeded. It may lengthen the wait
// until the next attempt.
func (r *runner) deploy(ctx context.Context, wait *time.Duration) bool {
	attempt, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	made, err := r.engine.Deploy(attempt)
	if err != nil {
		cause := camunda.CauseOf(err)
		if cause == camunda.Forbidden {
			*wait = max(*wait, forbiddenWait)
		}
		log := level.Warn(r.logger)
		if cause == r.deployCause && cause == camunda.Unauthorized {
			log = level.Debug(r.logger) // the client has logged what to do
		}
		if r.deployCause = cause; ctx.Err() == nil {
			log.Log("msg", "cannot deploy the process yet", "err", err, "retry_in", *wait)
		}
		return false
	}
	r.deployCause = ""
	level.Info(r.logger).Log("msg", "process deployed", "process", camunda.ProcessKey, "new_version", made)
	r.deployed.Store(true)
	return true
}

func (r *runner) skip(n int) {
	r.metrics.requested.Add(float64(n))
	r.metrics.skipped.Add(float64(n))
	r.report.skip(n)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
