package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// Decision is what a scaler says of a decision.
type Decision struct {
	Did, Next   string   // what was done, and what would have to change for a step
	From, To    int      // replicas before and after; 0 if unknown
	PerInstance *float64 `json:"per_instance"` // what the rule compared; nil if unknown
}

// Last returns a scaler's last decision on a target.
func Last(ctx context.Context, scaler, target string) (Decision, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scaler+"/api/v1/decisions?limit=1&target="+target, nil)
	if err != nil {
		return Decision{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Decision{}, err
	}
	defer resp.Body.Close()
	var answer struct{ Decisions []Decision }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || len(answer.Decisions) == 0 {
		return Decision{}, fmt.Errorf("GET %s: %s, without a decision", req.URL, resp.Status)
	}
	return answer.Decisions[0], nil
}
