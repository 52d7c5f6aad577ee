package watch_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/demo/watch"
)

func TestExplain(t *testing.T) {
	answer := `{"decisions":[{"did":"Nothing to do: 120.","next":"Scales up at 150 or more.","reason":"within_bounds"}]}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.String() != "/api/v1/decisions?limit=1&target=camunda-deployment" {
			t.Errorf("asked for %s", r.URL)
		}
		fmt.Fprint(w, answer)
	}))
	defer server.Close()
	did, next, err := watch.Explain(t.Context(), server.URL, "camunda-deployment")
	if err != nil || did != "Nothing to do: 120." || next != "Scales up at 150 or more." {
		t.Errorf("got %q, %q, %v", did, next, err)
	}
	for _, answer = range []string{"{}", "no", `{"decisions":[]}`} {
		if _, _, err := watch.Explain(t.Context(), server.URL, "camunda-deployment"); err == nil {
			t.Errorf("%s is no error", answer)
		}
	}
}
