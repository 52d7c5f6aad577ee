package fake

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

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

func status(r *http.Request, code int, reason string) *http.Response {
	return answer(r, code, fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"code":%d,"message":"the server says %s"}`, reason, code, reason))
}

func answer(r *http.Request, code int, body string) *http.Response {
	return &http.Response{StatusCode: code, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}
