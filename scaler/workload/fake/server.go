// Package fake is an API server in memory, for tests of what a real one does not
// do on demand: refuse, break off, lag, forget. What a real one does is tested in
// tests/scaler.
package fake

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Server serves one set of workloads, whatever the kind that a request names,
// with watches, pages and HorizontalPodAutoscalers. It is an http.RoundTripper.
type Server struct {
	mu       sync.Mutex
	objects  map[string]*Object // by namespace/name
	version  int                // of the newest change
	history  []change
	oldest   int // changes up to this version are forgotten
	lag      bool
	requests []string
	streams  map[*stream]bool
	changed  chan struct{} // closed at the next change; nil if nothing waits for it
	hpas     map[string]string
	hook     func(context.Context, Request) *Failure

	// Written is told of each write of a scale: the workload before it, and its
	// HorizontalPodAutoscaler. It must not call the server.
	Written func(before Object, hpa string)

	// Past has each version of each workload, by version, if it is not nil.
	Past map[int]Object

	// Short ends each watch at once, Restless lets each request meet a new
	// version of all workloads, Endless ends no watch by itself. They are set
	// before the first request, or by Set.
	Short, Restless, Endless bool
}

// Object is a workload.
type Object struct {
	Namespace, Name string
	UID             string
	Version         int
	Generation      int
	Replicas        int32
	Ready           int32
	Paused          string // the annotation; "" for none
	Manager         string // that wrote the replicas last; "" if it is not recorded
	Subresource     string // that it wrote to

	Broken bool // it has no version, which is nonsense
}

type change struct {
	version         int
	namespace, name string
	kind            string
	text            json.RawMessage
}

// New returns a server with these workloads.
func New(objects ...Object) *Server {
	s := &Server{objects: map[string]*Object{}, streams: map[*stream]bool{}, hpas: map[string]string{}, version: 100}
	for _, o := range objects {
		s.Create(o)
	}
	return s
}

// Set changes the server itself.
func (s *Server) Set(change func(*Server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// Hook sets what may fail or delay requests. It is called without a lock held.
func (s *Server) Hook(hook func(context.Context, Request) *Failure) {
	s.Set(func(s *Server) { s.hook = hook })
}

// Fail lets requests with these verbs fail, and no others.
func (s *Server) Fail(f *Failure, verbs ...string) {
	s.Hook(func(_ context.Context, r Request) *Failure {
		if slices.Contains(verbs, r.Verb) {
			return f
		}
		return nil
	})
}

// Take returns the verbs of the requests since the last Take.
func (s *Server) Take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := strings.Join(s.requests, " ")
	s.requests = nil
	return taken
}

// Watches returns how many are open.
func (s *Server) Watches() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.streams)
}

// Create adds a workload.
func (s *Server) Create(o Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[o.Namespace+"/"+o.Name] = &o
	s.write(&o, "ADDED")
}

// Change makes a new version of a workload.
func (s *Server) Change(namespace, name string, change func(*Object)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.objects[namespace+"/"+name]
	change(o)
	s.write(o, "MODIFIED")
}

// Get returns a workload as it is.
func (s *Server) Get(namespace, name string) Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.objects[namespace+"/"+name]
}

// Delete removes a workload.
func (s *Server) Delete(namespace, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.objects[namespace+"/"+name]
	delete(s.objects, namespace+"/"+name)
	s.write(o, "DELETED")
}

// SetHPA sets the HorizontalPodAutoscaler of a workload, "" for none.
func (s *Server) SetHPA(namespace, name, hpa string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hpas[namespace+"/"+name] = hpa; hpa == "" {
		delete(s.hpas, namespace+"/"+name)
	}
}

// HPA returns the HorizontalPodAutoscaler of a workload, "" if there is none.
func (s *Server) HPA(namespace, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hpas[namespace+"/"+name]
}

// Bookmark tells all watches of the newest version.
func (s *Server) Bookmark() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	s.record(change{s.version, "", "", "BOOKMARK", json.RawMessage(fmt.Sprintf(`{"metadata":{"resourceVersion":"%d"}}`, s.version))})
}

// Lag lets watches show nothing until it ends.
func (s *Server) Lag(lag bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag = lag
	s.wake()
}

// Break ends all watches.
func (s *Server) Break() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.streams {
		w.end()
	}
}

// Forget lets no watch start from what was seen so far, since something else has
// changed.
func (s *Server) Forget() {
	s.Set(func(s *Server) { s.version++ })
	s.Compact()
}

// Compact lets no watch start from before the newest version.
func (s *Server) Compact() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oldest, s.history = s.version, nil
	s.wake()
}

// write makes a new version of o.
func (s *Server) write(o *Object, kind string) {
	s.version++
	o.Version = s.version
	if s.Past != nil {
		s.Past[s.version] = *o
	}
	s.record(change{s.version, o.Namespace, o.Name, kind, o.text()})
}

func (s *Server) record(c change) {
	s.history = append(s.history, c)
	if len(s.history) > 5000 {
		s.history = s.history[1000:]
		s.oldest = s.history[0].version - 1
	}
	s.wake()
}

func (s *Server) wake() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

func (o *Object) text() json.RawMessage {
	type fields = map[string]any
	metadata := fields{"namespace": o.Namespace, "name": o.Name, "uid": o.UID, "generation": o.Generation, "resourceVersion": strconv.Itoa(o.Version)}
	if o.Paused != "" {
		metadata["annotations"] = fields{"camunda-autoscaler/paused": o.Paused}
	}
	if o.Manager != "" {
		entry := fields{"manager": o.Manager, "operation": "Update", "fieldsV1": fields{"f:spec": fields{"f:replicas": fields{}}}}
		if o.Subresource != "" {
			entry["subresource"] = o.Subresource
		}
		metadata["managedFields"] = []any{entry}
	}
	if o.Broken {
		delete(metadata, "resourceVersion")
	}
	text, _ := json.Marshal(fields{"metadata": metadata, "spec": fields{"replicas": o.Replicas}, "status": fields{"readyReplicas": o.Ready}})
	return text
}
