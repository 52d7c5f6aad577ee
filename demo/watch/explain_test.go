package watch_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/demo/watch"
)

func TestLast(t *testing.T) {
	answer := `{"decisions":[{"did":"Nothing to do: 120.","next":"Scales up at 150 or more.","from":2,"to":3,"per_instance":60,"reason":"within_bounds"}]}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.String() != "/api/v1/decisions?limit=1&target=camunda-deployment" {
			t.Errorf("asked for %s", r.URL)
		}
		fmt.Fprint(w, answer)
	}))
	defer server.Close()
	d, err := watch.Last(t.Context(), server.URL, "camunda-deployment")
	if err != nil || d.Did != "Nothing to do: 120." || d.Next != "Scales up at 150 or more." || d.From != 2 || d.To != 3 || *d.PerInstance != 60 {
		t.Errorf("got %+v, %v", d, err)
	}
	for _, answer = range []string{"{}", "no", `{"decisions":[]}`} {
		if _, err := watch.Last(t.Context(), server.URL, "camunda-deployment"); err == nil {
			t.Errorf("%s is no error", answer)
		}
	}
}
