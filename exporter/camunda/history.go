package camunda

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// timeLayout is the one way to write a date that all engines read as it is
// meant, in UTC. Other zones are fine too, but Z, +00:00, other numbers of
// digits after the second and missing parts are refused or, worse, read as
// another time.
const timeLayout = "2006-01-02T15:04:05.000-0700"

// StartedQuery asks how many process instances were started.
type StartedQuery struct {
	// From and To bound the start time in the engine's clock. Both are
	// inclusive and have a resolution of 1 ms; what is finer is cut off.
	From, To time.Time
	// ProcessDefinitionKey, if not empty, counts only this definition's.
	ProcessDefinitionKey string
	// RootOnly leaves out instances that were started by call activities.
	RootOnly bool
	// Tenants, if there are any, counts only theirs.
	Tenants []string
}

func (q StartedQuery) values() url.Values {
	v := url.Values{
		"startedAfter":  {q.From.UTC().Format(timeLayout)},
		"startedBefore": {q.To.UTC().Format(timeLayout)},
	}
	if q.ProcessDefinitionKey != "" {
		v.Set("processDefinitionKey", q.ProcessDefinitionKey)
	}
	if q.RootOnly {
		v.Set("rootProcessInstances", "true")
	}
	if len(q.Tenants) > 0 {
		v.Set("tenantIdIn", strings.Join(q.Tenants, ","))
	}
	return v
}

// CountStarted returns how many process instances the engine's history shows.
// An engine without history, or a user who may not read it, shows 0.
func (c *Client) CountStarted(ctx context.Context, q StartedQuery) (uint64, Answer, error) {
	return c.count(ctx, HistoryCount, "/history/process-instance/count", q.values())
}

func (c *Client) count(ctx context.Context, e Endpoint, path string, query url.Values) (uint64, Answer, error) {
	var n uint64
	answer, err := c.get(ctx, e, path, query, func(body []byte) (err error) {
		n, err = decodeCount(body)
		return err
	})
	return n, answer, err
}

// decodeCount reads {"count":n}. Anything but a whole number that is not
// negative is an error.
func decodeCount(body []byte) (uint64, error) {
	var answer struct {
		Count json.RawMessage `json:"count"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return 0, errors.New("no object with a count")
	}
	if answer.Count == nil {
		return 0, errors.New("no count")
	}
	n, err := strconv.ParseInt(string(answer.Count), 10, 64)
	if err != nil || n < 0 {
		return 0, errors.New("no usable count")
	}
	return uint64(n), nil
}
