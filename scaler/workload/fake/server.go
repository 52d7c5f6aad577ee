// Package fake is an API server in memory, for tests of what a real one does not
// do on demand: refuse, break off, lag, forget. What a real one does is tested in
// tests/scaler.
package fake

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
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

// Request is one that was made.
type Request struct {
	Verb            string // list, watch, get, patch, hpas or discover
	Namespace, Name string // "" for all
}

// Failure is what a request gets instead of an answer.
type Failure struct {
	Code       int // of a Status; 0 for a connection that breaks
	Reason     string
	RetryAfter string
	Lost       bool // the request is carried out, and its answer lost
}

// Forbidden is a missing right.
var Forbidden = &Failure{Code: http.StatusForbidden, Reason: "Forbidden"}

// Away is an API server that cannot be reached.
var Away = &Failure{}

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

// RoundTrip implements http.RoundTripper.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body.Close()
	}
	is := requestOf(r)
	s.mu.Lock()
	s.requests = append(s.requests, is.Verb)
	hook := s.hook
	if s.Restless {
		for _, o := range s.objects {
			s.write(o, "MODIFIED")
		}
	}
	s.mu.Unlock()
	var fails *Failure
	if hook != nil {
		fails = hook(r.Context(), is)
	}
	switch {
	case r.Context().Err() != nil:
		return nil, r.Context().Err()
	case fails != nil && fails.Lost:
		if resp := s.serve(r, is, body); is.Verb != "watch" {
			resp.Body.Close()
		}
		return nil, io.ErrUnexpectedEOF
	case fails != nil && fails.Code == 0:
		return nil, fmt.Errorf("dial %s: connection refused", r.URL.Host)
	case fails != nil:
		resp := status(r, fails.Code, fails.Reason)
		if fails.RetryAfter != "" {
			resp.Header.Set("Retry-After", fails.RetryAfter)
		}
		return resp, nil
	}
	return s.serve(r, is, body), nil
}

// requestOf tells what a request is for by its path.
func requestOf(r *http.Request) Request {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")[3:] // without apis, group and version
	var is Request
	if len(parts) > 1 && parts[0] == "namespaces" {
		is.Namespace, parts = parts[1], parts[2:]
	}
	query := r.URL.Query()
	switch {
	case len(parts) == 0:
		is.Verb = "discover"
	case parts[0] == "horizontalpodautoscalers":
		is.Verb = "hpas"
	case len(parts) > 1:
		is.Verb, is.Name = strings.ToLower(r.Method), parts[1]
	case query.Has("watch"):
		is.Verb = "watch"
	default:
		is.Verb = "list"
	}
	if selected := query.Get("fieldSelector"); selected != "" {
		is.Name = strings.TrimPrefix(selected, "metadata.name=")
	}
	return is
}

func (s *Server) serve(r *http.Request, is Request, body []byte) *http.Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch is.Verb {
	case "discover":
		return answer(r, http.StatusOK, `{"resources":[{"name":"engines","kind":"Engine"},{"name":"engines/scale","kind":"Scale"}]}`)
	case "hpas":
		return answer(r, http.StatusOK, s.listHPAs(is.Namespace))
	case "list":
		return answer(r, http.StatusOK, s.list(r, is))
	case "watch":
		return s.watch(r, is)
	}
	o := s.objects[is.Namespace+"/"+is.Name]
	if o == nil {
		return status(r, http.StatusNotFound, "NotFound")
	}
	if is.Verb == "patch" {
		var patch struct {
			Metadata struct{ ResourceVersion string }
			Spec     struct{ Replicas int32 }
		}
		_ = json.Unmarshal(body, &patch)
		if patch.Metadata.ResourceVersion != strconv.Itoa(o.Version) {
			return status(r, http.StatusConflict, "Conflict")
		}
		if s.Written != nil {
			s.Written(*o, s.hpas[is.Namespace+"/"+is.Name])
		}
		o.Replicas, o.Manager, o.Subresource = patch.Spec.Replicas, r.URL.Query().Get("fieldManager"), "scale"
		o.Generation++
		s.write(o, "MODIFIED")
	}
	return answer(r, http.StatusOK, fmt.Sprintf(`{"metadata":{"uid":%q,"resourceVersion":"%d"},"spec":{"replicas":%d}}`, o.UID, o.Version, o.Replicas))
}

// list returns a page: a continue token is where it starts, and of which version
// the list is. (A real one's later pages are of that version as well.)
func (s *Server) list(r *http.Request, is Request) string {
	version, start := s.version, ""
	if token := r.URL.Query().Get("continue"); token != "" {
		_, _ = fmt.Sscan(token, &version, &start)
	}
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil {
		limit = len(s.objects)
	}
	var items []string
	next := ""
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		o := s.objects[key]
		if key < start || !is.has(o.Namespace, o.Name) {
			continue
		}
		if len(items) == limit {
			next = fmt.Sprint(version, " ", key)
			break
		}
		items = append(items, string(o.text()))
	}
	return fmt.Sprintf(`{"metadata":{"resourceVersion":"%d","continue":%q},"items":[%s]}`, version, next, strings.Join(items, ","))
}

func (r Request) has(namespace, name string) bool {
	return (r.Namespace == "" || r.Namespace == namespace) && (r.Name == "" || r.Name == name)
}

func (s *Server) listHPAs(namespace string) string {
	var items []string
	for key, hpa := range s.hpas {
		if in, name, _ := strings.Cut(key, "/"); in == namespace {
			items = append(items, fmt.Sprintf(`{"metadata":{"name":%q},"spec":{"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":%q}}}`, hpa, name))
		}
	}
	return `{"items":[` + strings.Join(items, ",") + `]}`
}

// stream is an open watch.
type stream struct {
	of   Request
	sent int // up to this version
	end  func()
}

func (s *Server) watch(r *http.Request, is Request) *http.Response {
	from, err := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	if err != nil || from < s.oldest {
		return status(r, http.StatusGone, "Expired")
	}
	ctx, cancel := context.WithCancel(r.Context())
	if seconds, err := strconv.Atoi(r.URL.Query().Get("timeoutSeconds")); err == nil && !s.Endless {
		time.AfterFunc(time.Duration(seconds)*time.Second, cancel)
	}
	if s.Short {
		cancel()
	}
	body, to := io.Pipe()
	w := &stream{is, from, cancel}
	s.streams[w] = true
	go s.feed(ctx, w, to)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: closer{body, cancel}, Request: r}
}

type closer struct {
	io.ReadCloser
	cancel func()
}

func (c closer) Close() error { c.cancel(); return c.ReadCloser.Close() }

// feed writes what a watch shows.
func (s *Server) feed(ctx context.Context, w *stream, to *io.PipeWriter) {
	defer func() {
		to.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.streams, w)
	}()
	for ctx.Err() == nil {
		s.mu.Lock()
		var text []byte
		forgotten := !s.lag && w.sent < s.oldest
		switch {
		case s.lag:
		case forgotten:
			text = append(text, `{"type":"ERROR","object":{"status":"Failure","reason":"Expired","code":410}}`...)
		default:
			next, _ := slices.BinarySearchFunc(s.history, w.sent+1, func(c change, version int) int { return c.version - version })
			for _, c := range s.history[next:] {
				if c.kind == "BOOKMARK" || w.of.has(c.namespace, c.name) {
					text = fmt.Appendf(text, "{\"type\":%q,\"object\":%s}\n", c.kind, c.text)
				}
			}
			w.sent = s.version
		}
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		s.mu.Unlock()
		if len(text) > 0 {
			if _, err := to.Write(text); err != nil || forgotten {
				return
			}
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
}

func status(r *http.Request, code int, reason string) *http.Response {
	return answer(r, code, fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"code":%d,"message":"the server says %s"}`, reason, code, reason))
}

func answer(r *http.Request, code int, body string) *http.Response {
	return &http.Response{StatusCode: code, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}
