package workload

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload/fake"
)

func hpaOf(apiVersion, kind, name string) string {
	return `{"metadata":{"name":"hpa"},"spec":{"scaleTargetRef":{"apiVersion":"` + apiVersion + `","kind":"` + kind + `","name":"` + name + `"}}}`
}

func answerHPAs(items string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscalerList","items":[%s]}`, items)
	}
}

func TestScaledByHPA(t *testing.T) {
	for _, c := range []struct {
		name, items, want string
	}{
		{"none", "", ""},
		{"one", hpaOf("apps/v1", "Deployment", "web"), "hpa"},
		{"another version of the API", hpaOf("apps/v1beta1", "Deployment", "web"), "hpa"},
		{"another kind", hpaOf("apps/v1", "StatefulSet", "web"), ""},
		{"another API group", hpaOf("example.com/v1", "Deployment", "web"), ""},
		{"another name", hpaOf("apps/v1", "Deployment", "other"), ""},
		{"one of two", hpaOf("apps/v1", "Deployment", "other") + "," + hpaOf("apps/v1", "Deployment", "web"), "hpa"},
		{"without a target", `{"metadata":{"name":"empty"}}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorkload(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/apis/autoscaling/v2/namespaces/bpm/horizontalpodautoscalers" {
					t.Errorf("requested %s", r.URL)
				}
				answerHPAs(c.items)(w, r)
			})
			if got, err := w.ScaledByHPA(t.Context()); err != nil || got != c.want {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestHPAsThatCannotBeListed(t *testing.T) {
	_, err := newWorkload(t, status(403, "Forbidden")).ScaledByHPA(t.Context())
	if CauseOf(err) != CauseForbidden || errors.Unwrap(err) == nil {
		t.Errorf("got %v, want forbidden", err)
	}
	if got, err := newWorkload(t, status(404, "NotFound")).ScaledByHPA(t.Context()); err != nil || got != "" {
		t.Errorf("got %q, %v: a cluster without this API has none", got, err)
	}
}

// All workloads of a namespace look for their HorizontalPodAutoscalers when a
// scaler starts.
func TestListsOfHPAsAreShared(t *testing.T) {
	s := fake.New()
	simulate(t, s, func(t *testing.T, f *fixture) {
		for range 3 {
			var all sync.WaitGroup
			for i := range 1000 {
				all.Go(func() {
					if got, err := f.Workload(Ref{"apps/v1", "Deployment", "bpm", fmt.Sprint("web", i)}).ScaledByHPA(t.Context()); err != nil || got != "" {
						t.Errorf("got %q, %v", got, err)
					}
				})
			}
			all.Wait()
			if got := s.Take(); got != "hpas" {
				t.Fatalf("made the requests %q, want one list", got)
			}
			time.Sleep(time.Second) // a list is used for as long
		}
	})
}

// An error is not kept.
func TestFailedListOfHPAsIsRetried(t *testing.T) {
	var requests atomic.Int32
	w := newWorkload(t, func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 1 {
			status(500, "InternalError")(w, r)
			return
		}
		answerHPAs(hpaOf("apps/v1", "Deployment", "web"))(w, r)
	})
	if _, err := w.ScaledByHPA(t.Context()); CauseOf(err) != CauseServer {
		t.Errorf("got %v, want the server's error", err)
	}
	if got, err := w.ScaledByHPA(t.Context()); err != nil || got != "hpa" {
		t.Errorf("got %q, %v after the error", got, err)
	}
}
