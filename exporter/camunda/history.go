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

// timeLayout is the one format of dates that all engines read as meant. Other
// zones than UTC are fine too, but Z, +00:00, other numbers of digits after the
// second and missing parts are rejected or, worse, read as another time.
const timeLayout = "2006-01-02T15:04:05.000-0700"

// Event is what is counted: process instances that started, or that ended.
type Event int

// The events.
const (
	Started Event = iota
	Finished
)

// HistoryQuery selects process instances of an engine's history.
type HistoryQuery struct {
	// Event is the one whose time From and To bound, by the engine's clock. Both
	// are inclusive and have a resolution of 1 ms; what is finer is cut off.
	Event    Event
	From, To time.Time
	// ProcessDefinitionKey, if not empty, selects only this definition's.
	ProcessDefinitionKey string
	// RootOnly leaves out instances that were started by call activities.
	RootOnly bool
	// Tenants, if there are any, selects only theirs.
	Tenants []string
}

func (q HistoryQuery) values() url.Values {
	after, before := "startedAfter", "startedBefore"
	if q.Event == Finished {
		after, before = "finishedAfter", "finishedBefore"
	}
	v := url.Values{
		after:  {q.From.UTC().Format(timeLayout)},
		before: {q.To.UTC().Format(timeLayout)},
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

// CountHistory returns how many process instances the engine's history shows.
// An engine without history, or a user who may not read it, shows 0. The
// endpoint is one of those for history's count.
func (c *Client) CountHistory(ctx context.Context, e Endpoint, q HistoryQuery) (uint64, error) {
	var n uint64
	err := c.get(ctx, e, "/history/process-instance/count", q.values(), decodeNumber("count", &n))
	return n, err
}

// InHistory reports whether the engine's history shows the process instance
// with this id.
func (c *Client) InHistory(ctx context.Context, id string) (bool, error) {
	var n uint64
	err := c.get(ctx, HistoryCheck, "/history/process-instance/count", url.Values{"processInstanceIds": {id}}, decodeNumber("count", &n))
	return n > 0, err
}

// AnyInHistory reports whether the engine's history shows any process instance.
func (c *Client) AnyInHistory(ctx context.Context) (bool, error) {
	id, err := c.first(ctx, HistoryList, "/history/process-instance", nil)
	return id != "", err
}

// AnyRunning returns the id of a running process instance that the user may
// read, or "" if there is none. Tenants, if there are any, limit it to theirs.
func (c *Client) AnyRunning(ctx context.Context, tenants []string) (string, error) {
	return c.first(ctx, RunningList, "/process-instance", tenants)
}

// RootStarts returns how many root process instances were ever started, by the
// engine's own meter. The meter does not depend on history; it leaves out what
// nodes other than the one that answers counted in the last 15 minutes.
func (c *Client) RootStarts(ctx context.Context) (uint64, error) {
	var n uint64
	err := c.get(ctx, MetricsSum, "/metrics/root-process-instance-start/sum", nil, decodeNumber("result", &n))
	return n, err
}

// first returns the id of the first item in a list, or nothing if it is empty.
func (c *Client) first(ctx context.Context, e Endpoint, path string, tenants []string) (string, error) {
	query := url.Values{"maxResults": {"1"}}
	if len(tenants) > 0 {
		query.Set("tenantIdIn", strings.Join(tenants, ","))
	}
	var id string
	err := c.get(ctx, e, path, query, func(body []byte) error {
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

// mostNumber is more than any engine has of anything. Greater numbers are
// mistakes of whatever answered.
const mostNumber = 1_000_000_000_000

// decodeNumber reads {"name":n} into to. Anything but a whole number from 0 to
// mostNumber is an error.
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
		if err != nil || n < 0 || n > mostNumber {
			return fmt.Errorf("no usable %s", name)
		}
		*to = uint64(n)
		return nil
	}
}
