// Package api takes scan jobs by HTTP and puts them into the queue, and shows the
// newest results. Each replica reads the whole stream of results, so any of them
// has all.
package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/queue"
)

const (
	kept          = 100              // results that the API shows
	submitTimeout = 10 * time.Second // for the broker to store a job
	retry         = time.Second      // pause before the API connects again
)

// API is the service.
type API struct {
	URL   string // of the broker
	Names queue.Names
	Log   log.Logger

	mu        sync.Mutex
	publisher *queue.Publisher // nil while there is no connection
	results   []queue.Result
}

// Handler serves POST /scans, GET /results and the probes.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /scans", a.submit)
	mux.HandleFunc("GET /results", a.show)
	mux.HandleFunc("GET /-/healthy", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) {
		if a.connection() == nil {
			http.Error(w, "not connected to the broker", http.StatusServiceUnavailable)
		}
	})
	return mux
}

func (a *API) connection() *queue.Publisher {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.publisher
}

// submit answers 202 only when the broker has stored the job.
func (a *API) submit(w http.ResponseWriter, r *http.Request) {
	var job queue.Job
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	d.DisallowUnknownFields()
	if err := d.Decode(&job); err != nil {
		http.Error(w, "the body has to be a job as JSON: "+err.Error(), http.StatusBadRequest)
		return
	}
	if job.Repository == "" || job.Commit == "" || job.Seconds < 0 || job.ID != "" {
		http.Error(w, "a job has a repository, a commit, and seconds of 0 or more; the API gives it an id", http.StatusBadRequest)
		return
	}
	publisher := a.connection()
	if publisher == nil {
		http.Error(w, "the broker is not reachable, try again", http.StatusServiceUnavailable)
		return
	}
	job.ID = rand.Text()
	ctx, cancel := context.WithTimeout(r.Context(), submitTimeout)
	defer cancel()
	if err := publisher.Publish(ctx, a.Names.Jobs, job.ID, job); err != nil {
		level.Error(a.Log).Log("msg", "job not stored", "err", err)
		http.Error(w, "the broker did not store the job, try again", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	answer(w, job)
}

func (a *API) show(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	answer(w, append([]queue.Result{}, a.results...)) // a list, also if there are none
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // a client that has gone is told nothing
}

// Run keeps the connection to the broker, and reads results, until ctx ends.
func (a *API) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := a.connected(ctx); err != nil && ctx.Err() == nil {
			level.Warn(a.Log).Log("msg", "connection to broker lost", "err", err)
		}
		select {
		case <-time.After(retry):
		case <-ctx.Done():
		}
	}
}

func (a *API) connected(ctx context.Context) error {
	connection, err := amqp.Dial(a.URL)
	if err != nil {
		return err
	}
	defer connection.Close()
	defer context.AfterFunc(ctx, func() { connection.Close() })()
	sending, err := connection.Channel()
	if err != nil {
		return err
	}
	if err := a.Names.Declare(sending); err != nil {
		return err
	}
	publisher, err := queue.NewPublisher(sending)
	if err != nil {
		return err
	}
	reading, err := connection.Channel()
	if err != nil {
		return err
	}
	a.set(publisher)
	defer a.set(nil)
	return a.Names.Read(ctx, reading, a.add)
}

// set starts a connection, or ends it. The stream is read from its start then.
func (a *API) set(p *queue.Publisher) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.publisher = p; p != nil {
		a.results = nil
	}
}

func (a *API) add(r queue.Result) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.results = append(a.results, r)
	if extra := len(a.results) - kept; extra > 0 {
		a.results = append([]queue.Result(nil), a.results[extra:]...)
	}
}
