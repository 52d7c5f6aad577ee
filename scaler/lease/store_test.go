package lease

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// What a healthy API server does is tested against a real one, in tests/scaler.

// leaseServer answers each request with a status, or with the Lease as sent.
func leaseServer(t *testing.T, answer func(*http.Request) (code int, reason string)) (o *Object, sent *map[string]any) {
	t.Helper()
	sent = new(map[string]any)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if code, reason := answer(r); code != http.StatusOK {
			w.WriteHeader(code)
			fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"code":%d,"message":"no"}`, reason, code)
			return
		}
		object := map[string]any{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": map[string]any{"name": "x"}}
		if r.Method != http.MethodGet {
			if err := json.NewDecoder(r.Body).Decode(&object); err != nil {
				t.Error(err)
			}
			*sent = object
		}
		object["metadata"].(map[string]any)["resourceVersion"] = "7"
		if err := json.NewEncoder(w).Encode(object); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	client, err := dynamic.NewForConfig(&rest.Config{Host: server.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	return NewObject(client, "bpm", "x"), sent
}

func ok(*http.Request) (int, string) { return http.StatusOK, "" }

// A namespace that does not exist is an error. It does not look as if another
// were faster, time and again.
func TestMissingNamespaceIsAnError(t *testing.T) {
	o, _ := leaseServer(t, func(*http.Request) (int, string) { return http.StatusNotFound, "NotFound" })
	got, err := o.Get(t.Context())
	if err != nil || got.Version != "" {
		t.Errorf("got %+v, %v, want no Lease", got, err)
	}
	if _, err = o.Put(t.Context(), got); err == nil || errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), "write the lease x in namespace bpm") {
		t.Errorf("got %v, want an error that says what failed", err)
	}
}

func TestChanged(t *testing.T) {
	for name, c := range map[string]struct {
		code    int
		reason  string
		version string
	}{
		"updated meanwhile": {http.StatusConflict, "Conflict", "7"},
		"deleted meanwhile": {http.StatusNotFound, "NotFound", "7"},
		"created meanwhile": {http.StatusConflict, "AlreadyExists", ""},
	} {
		t.Run(name, func(t *testing.T) {
			o, _ := leaseServer(t, func(r *http.Request) (int, string) {
				if r.Method == http.MethodGet {
					return http.StatusOK, ""
				}
				return c.code, c.reason
			})
			if _, err := o.Get(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := o.Put(t.Context(), Record{Holder: "a", Version: c.version}); !errors.Is(err, ErrChanged) {
				t.Errorf("got %v, want %v", err, ErrChanged)
			}
		})
	}
	// The Lease was gone when it was read last, and an older version is written.
	o, _ := leaseServer(t, func(*http.Request) (int, string) { return http.StatusNotFound, "NotFound" })
	if _, err := o.Get(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Put(t.Context(), Record{Holder: "a", Version: "6"}); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v, want %v", err, ErrChanged)
	}
}

// The API server refuses an empty holder and a duration of 0.
func TestWhatIsNotSetIsLeftOut(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	for want, r := range map[string]Record{
		`{"leaseTransitions":0}`: {},
		`{"leaseDurationSeconds":1,"leaseTransitions":3,"renewTime":"2026-01-02T03:04:05.000006Z"}`: {Duration: releasedDuration, Transitions: 3, Renewed: at},
		`{"acquireTime":"2026-01-02T03:04:05.000006Z","holderIdentity":"a","leaseDurationSeconds":12,"leaseTransitions":1,"renewTime":"2026-01-02T03:04:06.000006Z"}`: {
			Holder: "a", Duration: 12 * time.Second, Transitions: 1, Acquired: at, Renewed: at.Add(time.Second),
		},
	} {
		o, sent := leaseServer(t, ok)
		stored, err := o.Put(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal((*sent)["spec"]); err != nil || string(got) != want {
			t.Errorf("got  %s, %v\nwant %s", got, err, want)
		}
		if r.Version = "7"; stored != r {
			t.Errorf("got %+v, want %+v", stored, r)
		}
	}
}
