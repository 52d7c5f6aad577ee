// Package steps measures what steps down do to work in progress: pools of
// workers get bursts of jobs, and are scaled down in several ways while the jobs
// end one after another.
package steps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/queue"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/rig"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/pods"
)

// Way is what scales some of the pools.
type Way struct {
	Name   string                                             // in tables
	Prefix string                                             // of the pools' names
	Pools  int                                                // how many
	Floor  int                                                // replicas that it leaves when there is nothing to do
	Target func(pool string, scrape time.Duration) rig.Object // of the scaler; nil: the scaler leaves them alone
	Start  func(ctx context.Context, pools ...string) error   // of another autoscaler; may be nil
}

// Load is what each pool gets.
type Load struct {
	Burst             int // jobs that arrive at once; so many workers fit
	Shortest, Longest float64
	Every             time.Duration // a job arrives now and then, this long after the one before on average; 0: none does
	For               time.Duration // that jobs arrive one by one, before the next burst
	Bursts            int
}

// Row is what happened in one way.
type Row struct {
	Way         Way
	Steps       int           // writes of a lower spec.replicas
	Removed     int           // replicas that they took away
	Jobs        int           // done
	Interrupted int           // jobs whose worker was killed
	GivenBack   int           // jobs that a worker gave back, as it had just started them
	Finished    int           // jobs that a worker finished after the step that removed it
	Lost        time.Duration // work of the interrupted jobs
	Lingered    time.Duration // of Pods between the step that removes them and their end
	Busy        []Removed     // workers that a step removed while they had a job
}

// Pools returns the pools of all ways, for the rig.
func Pools(ways []Way, scrape time.Duration) (all []rig.Pool) {
	for _, way := range ways {
		for _, name := range way.pools() {
			p := rig.Pool{Name: name}
			if way.Target != nil {
				p.Target = way.Target(name, scrape)
			}
			all = append(all, p)
		}
	}
	return all
}

func (w Way) pools() (names []string) {
	for i := range w.Pools {
		names = append(names, fmt.Sprintf("%s-%d", w.Prefix, i+1))
	}
	return names
}

// Measure loads the pools of all ways at the same time, and returns a row for
// each way when all jobs are done and the workers have gone as far as they go.
func Measure(ctx context.Context, r *rig.Rig, ways []Way, load Load, progress io.Writer) ([]Row, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	replicas := &watcher{lower: map[string][]int{}}
	watching := make(chan error, 1)
	go func() { watching <- replicas.watch(ctx, r) }()
	var past history
	var recording errgroup.Group
	recording.Go(func() error { return past.record(ctx, r, "/api/v1", "pods") })
	for _, kind := range []string{"replicasets", "deployments"} {
		recording.Go(func() error { return past.record(ctx, r, "/apis/apps/v1", kind) })
	}

	rows := make([]Row, len(ways))
	var group errgroup.Group
	for i, way := range ways {
		rows[i].Way = way
		if way.Start != nil {
			if err := way.Start(ctx, way.pools()...); err != nil {
				return nil, fmt.Errorf("%s: %w", way.Name, err)
			}
		}
		var mu sync.Mutex
		for p, pool := range way.pools() {
			group.Go(func() error {
				random := rand.New(rand.NewPCG(uint64(p), 0)) //nolint:gosec // each way gets the same jobs
				results, err := run(ctx, r, pool, way.Floor, load, random)
				if err != nil {
					return fmt.Errorf("%s: pool %s: %w", way.Name, pool, err)
				}
				mu.Lock()
				defer mu.Unlock()
				rows[i].Jobs += len(results)
				fmt.Fprintf(progress, "%s: %d jobs are done\n", pool, len(results))
				return nil
			})
		}
	}
	err := group.Wait()
	cancel()
	if watched := errors.Join(<-watching, recording.Wait()); err == nil {
		err = watched
	}
	for i := range rows {
		replicas.count(&rows[i])
		if err := countEvents(r, &rows[i], &past); err != nil {
			return nil, err
		}
	}
	return rows, err
}

// run sends bursts to a pool, each when the workers of the one before have gone.
func run(ctx context.Context, r *rig.Rig, pool string, floor int, load Load, random *rand.Rand) (all []queue.Result, err error) {
	sent := 0
	for range load.Bursts {
		jobs := newJobs(random, pool, sent, load.Burst, load)
		if err := r.Submit(ctx, pool, jobs...); err != nil {
			return nil, err
		}
		sent += len(jobs)
		for end := time.Now().Add(load.For); load.Every > 0; {
			pause := time.Duration(random.ExpFloat64() * float64(load.Every))
			if time.Now().Add(pause).After(end) {
				break
			}
			if err := sleep(ctx, pause); err != nil {
				return nil, err
			}
			if err := r.Submit(ctx, pool, newJobs(random, pool, sent, 1, load)...); err != nil {
				return nil, err
			}
			sent++
		}
		if all, err = r.Results(ctx, pool, sent); err != nil {
			return all, err
		}
		if err := settled(ctx, r, pool, floor); err != nil {
			return all, err
		}
	}
	return all, nil
}

func newJobs(random *rand.Rand, pool string, first, n int, load Load) []queue.Job {
	jobs := make([]queue.Job, n)
	for i := range jobs {
		id := fmt.Sprintf("%s-%d", pool, first+i)
		jobs[i] = queue.Job{ID: id, Repository: pool, Commit: id, Seconds: load.Shortest + random.Float64()*(load.Longest-load.Shortest)}
	}
	return jobs
}

// settled waits until a pool has no workers but those that stay.
func settled(ctx context.Context, r *rig.Rig, pool string, floor int) error {
	for {
		s, err := r.State(ctx, pool)
		if err != nil || s.Replicas <= floor && s.Pods <= floor {
			return err
		}
		if err := sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// watcher sees each change of spec.replicas.
type watcher struct {
	mu    sync.Mutex
	lower map[string][]int // replicas that each step down took away, by Deployment
}

func (w *watcher) watch(ctx context.Context, r *rig.Rig) error {
	last := map[string]int{}
	return follow(ctx, r, "/apis/apps/v1", "deployments", func(_ string, o object) {
		if o.Spec.Replicas == nil {
			return
		}
		name, replicas := o.Metadata.Name, *o.Spec.Replicas
		if fewer := last[name] - replicas; fewer > 0 {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.lower[name] = append(w.lower[name], fewer)
		}
		last[name] = replicas
	})
}

func (w *watcher) count(row *Row) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, steps := range w.lower {
		if strings.HasPrefix(name, row.Way.Prefix+"-") {
			row.Steps += len(steps)
			for _, fewer := range steps {
				row.Removed += fewer
			}
		}
	}
}

func countEvents(r *rig.Rig, row *Row, past *history) error {
	term := map[string]time.Time{}
	for _, e := range r.Events() {
		name := e.Pod.Metadata.Name
		if !strings.HasPrefix(name, row.Way.Prefix+"-") {
			continue
		}
		switch e.Kind {
		case pods.Term:
			term[name] = e.At
			job, became, err := r.JobAt(name, e.At)
			if err != nil {
				return err
			}
			if became != "" {
				row.Busy = append(row.Busy, Removed{
					Pod: name, At: e.At, Job: job, Ready: e.Ready, Became: became,
					Cost: e.Pod.Metadata.Annotations[deletionCost], History: past.explain(name, e.At),
				})
			}
		case pods.Gone:
			from, ok := term[name]
			if !ok {
				continue
			}
			row.Lingered += e.At.Sub(from)
			n, took, err := r.GivenBack(name)
			if err != nil {
				return err
			}
			row.GivenBack += n
			if n, err = r.FinishedAfter(name, from); err != nil {
				return err
			}
			row.Finished += n
			row.Lost += took
		case pods.Killed:
			row.Interrupted++
			took, err := r.Worked(name, e.At)
			if err != nil {
				return err
			}
			row.Lost += took
		}
	}
	return nil
}

// Markdown writes rows as a table.
func Markdown(w io.Writer, rows []Row) {
	fmt.Fprint(w, "| | steps down | replicas removed | jobs done | jobs interrupted | jobs given back | work lost | Pods waited for their jobs |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	for _, r := range rows {
		fmt.Fprintf(w, "| %s | %d | %d | %d | %d | %d | %.0f s | %.0f s |\n", r.Way.Name, r.Steps, r.Removed, r.Jobs, r.Interrupted, r.GivenBack, r.Lost.Seconds(), r.Lingered.Seconds())
	}
}
