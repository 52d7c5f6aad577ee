package workload

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/lease"
)

// What a healthy API server does is tested against a real one, in
// tests/scaler; here are the answers that a real one does not give on demand.

// scale answers for the scale subresource; the workload itself may not be read.
func scale(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/scale") {
			status(403, "Forbidden")(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"kind":"Scale","apiVersion":"autoscaling/v1",%s}`, body)
	}
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		want    Cause
	}{
		{"conflict", status(409, "Conflict"), CauseConflict},
		{"forbidden", status(403, "Forbidden"), CauseForbidden},
		{"unauthorized", status(401, "Unauthorized"), CauseForbidden},
		{"not found", status(404, "NotFound"), CauseNotFound},
		{"too many requests", status(429, "TooManyRequests"), CauseThrottled},
		{"invalid", status(422, "Invalid"), CauseRejected},
		{"refused by a webhook", status(400, "BadRequest"), CauseRejected},
		{"server timeout", status(504, "Timeout"), CauseTimeout},
		{"internal error", status(500, "InternalError"), CauseServer},
		{"unavailable", status(503, "ServiceUnavailable"), CauseServer},
		{"a proxy's page", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) }, CauseServer},
		{"connection lost", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, CauseConnection},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorkload(t, c.handler)
			if c.want != CauseConnection { // client-go tries a lost read again itself
				if _, err := w.Get(t.Context()); err == nil || CauseOf(err) != c.want {
					t.Errorf("get: %v (%s), want %s", err, CauseOf(err), c.want)
				}
			}
			err := w.Set(t.Context(), Scale{Replicas: 1, ResourceVersion: "7"}, 2)
			if err == nil || CauseOf(err) != c.want {
				t.Errorf("set: %v (%s), want %s", err, CauseOf(err), c.want)
			}
			if !strings.Contains(err.Error(), "set the scale of deployment/web in namespace bpm to 2") {
				t.Errorf("%q does not say what was being done", err)
			}
		})
	}
	if got := CauseOf(fmt.Errorf("x: %w", context.DeadlineExceeded)); got != CauseTimeout {
		t.Errorf("got %s, want timeout", got)
	}
	if got := CauseOf(fmt.Errorf("not written: %w", lease.ErrNotHeld)); got != CauseNotLeader {
		t.Errorf("got %s, want not_leader", got)
	}
	if got := CauseOf(fmt.Errorf("x: %w: %w", gate.ErrNotSent, context.DeadlineExceeded)); got != CauseThrottled {
		t.Errorf("got %s, want throttled: nothing can have been written", got)
	}
	if got := CauseOf(errors.New("EOF")); got != CauseConnection {
		t.Errorf("got %s, want connection", got)
	}
}

// A scale that makes no sense is an error, never 0 replicas.
func TestNonsense(t *testing.T) {
	for _, body := range []string{
		`"metadata":{"resourceVersion":"7"},"spec":{"replicas":"two"}`,
		`"metadata":{"resourceVersion":"7"},"spec":{"replicas":-1}`,
		`"metadata":{"resourceVersion":"7"},"spec":{"replicas":99999999999}`,
		`"metadata":{"resourceVersion":"7"},"spec":3`,
		`"metadata":{},"spec":{"replicas":2}`,
		`"spec":{"replicas":2}`,
	} {
		if got, err := newWorkload(t, scale(body)).Get(t.Context()); err == nil {
			t.Errorf("%s: got %+v, want an error", body, got)
		}
	}
	got, err := newWorkload(t, scale(`"metadata":{"resourceVersion":"7"},"spec":{"replicas":2}`)).Get(t.Context())
	if err != nil || got != (Scale{Replicas: 2, ResourceVersion: "7", Asked: true}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// A write is one request, bound to the version that was read.
func TestSetIsOnePatch(t *testing.T) {
	var requests []string
	w := newWorkload(t, func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		r.Body.Read(body)
		requests = append(requests, fmt.Sprint(r.Method, " ", r.URL, " ", r.Header.Get("Content-Type"), " ", string(body)))
		scale(`"metadata":{"resourceVersion":"7"},"spec":{"replicas":2}`)(w, r)
	})
	read, err := w.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	requests = nil
	if err := w.Set(t.Context(), read, 3); err != nil {
		t.Fatal(err)
	}
	want := `[PATCH /apis/apps/v1/namespaces/bpm/deployments/web/scale?fieldManager=camunda-scaler application/merge-patch+json {"metadata":{"resourceVersion":"7"},"spec":{"replicas":3}}]`
	if got := fmt.Sprint(requests); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
