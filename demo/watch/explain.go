package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// Explain returns what a scaler says of its last decision on a target, and of what
// would have to change for a step.
func Explain(ctx context.Context, scaler, target string) (did, next string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scaler+"/api/v1/decisions?limit=1&target="+target, nil)
	if err != nil {
		return "", "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", "", err
	}
	defer resp.Body.Close()
	var answer struct{ Decisions []struct{ Did, Next string } }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || len(answer.Decisions) == 0 {
		return "", "", fmt.Errorf("GET %s: %s, without a decision", req.URL, resp.Status)
	}
	return answer.Decisions[0].Did, answer.Decisions[0].Next, nil
}
