package camunda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	var n uint64
	answer, err := c.get(ctx, HistoryCount, "/history/process-instance/count", q.values(), decodeNumber("count", &n))
	return n, answer, err
}

// InHistory returns whether the engine's history shows the process instance
// with this id.
func (c *Client) InHistory(ctx context.Context, id string) (bool, error) {
	var n uint64
	_, err := c.get(ctx, HistoryCount, "/history/process-instance/count", url.Values{"processInstanceIds": {id}}, decodeNumber("count", &n))
	return n > 0, err
}

// AnyInHistory returns whether the engine's history shows any process instance
// at all.
func (c *Client) AnyInHistory(ctx context.Context) (bool, error) {
	id, err := c.first(ctx, HistoryList, "/history/process-instance", nil)
	return id != "", err
}

// AnyRunning returns the id of a process instance that runs, if there is one
// that the user may see. Tenants, if there are any, are those it may belong to.
func (c *Client) AnyRunning(ctx context.Context, tenants []string) (string, error) {
	return c.first(ctx, RunningList, "/process-instance", tenants)
}

// RootStarts returns how many root process instances were ever started, as the
// engine's own meter has it. The meter does not depend on history; it leaves
// out what other nodes than the asked one counted in the last 15 minutes.
func (c *Client) RootStarts(ctx context.Context) (uint64, error) {
	var n uint64
	_, err := c.get(ctx, MetricsSum, "/metrics/root-process-instance-start/sum", nil, decodeNumber("result", &n))
	return n, err
}

// first returns the id of the first item in a list, or nothing if it is empty.
func (c *Client) first(ctx context.Context, e Endpoint, path string, tenants []string) (string, error) {
	query := url.Values{"maxResults": {"1"}}
	if len(tenants) > 0 {
		query.Set("tenantIdIn", strings.Join(tenants, ","))
	}
	var id string
	_, err := c.get(ctx, e, path, query, func(body []byte) error {
		var items []struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(body, &items); err != nil {
			return errors.New("no list of objects")
		}
		if len(items) == 0 {
			return nil
		}
		if id = items[0].ID; id == "" {
			return errors.New("no id")
		}
		return nil
	})
	return id, err
}

// decodeNumber reads {"name":n} into to. Anything but a whole number that is
// not negative is an error.
func decodeNumber(name string, to *uint64) func([]byte) error {
	return func(body []byte) error {
		var answer map[string]json.RawMessage
		if err := json.Unmarshal(body, &answer); err != nil {
			return errors.New("no object")
		}
		raw, ok := answer[name]
		if !ok {
			return fmt.Errorf("no %s", name)
		}
		n, err := strconv.ParseInt(string(raw), 10, 64)
		if err != nil || n < 0 {
			return fmt.Errorf("no usable %s", name)
		}
		*to = uint64(n)
		return nil
	}
}
