package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client asks a running scaler.
type Client struct {
	URL  *url.URL
	HTTP *http.Client
}

// ErrNoTarget is returned for a target that the scaler does not have.
var ErrNoTarget = errors.New("no such target")

// timeout bounds one request.
const timeout = 10 * time.Second

// maxAnswer is far more than a page of answers has.
const maxAnswer = 64 << 20

// Targets returns all targets, in as many requests as that takes.
func (c Client) Targets(ctx context.Context) (Targets, error) {
	var all Targets
	for {
		var page Targets
		_, err := c.get(ctx, "targets", url.Values{"limit": {strconv.Itoa(maxLimit)}, "offset": {strconv.Itoa(len(all.Targets))}}, &page)
		if err != nil {
			return Targets{}, err
		}
		page.Targets = append(all.Targets, page.Targets...)
		more := len(page.Targets) > len(all.Targets) && len(page.Targets) < page.Total
		all = page
		if !more {
			return all, nil
		}
	}
}

// Decisions returns a target's last decisions, and the answer as it came.
func (c Client) Decisions(ctx context.Context, target string, limit int) (Decisions, []byte, error) {
	var out Decisions
	text, err := c.get(ctx, "decisions", url.Values{"target": {target}, "limit": {strconv.Itoa(min(limit, maxLimit))}}, &out)
	return out, text, err
}

func (c Client) get(ctx context.Context, what string, q url.Values, into any) (text []byte, err error) {
	address := c.URL.JoinPath("api", "v1", what)
	address.RawQuery = q.Encode()
	fail := func(err error) ([]byte, error) {
		return nil, fmt.Errorf("ask the scaler at %s: %w", c.URL.Redacted(), err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return fail(err)
	}
	resp, err := c.HTTP.Do(r)
	if err != nil {
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err // the address is said already
		}
		return fail(fmt.Errorf("%w: forward its port first, or set --web.url", err))
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fail(err)
	}
	var refused Error
	switch isJSON := strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json"); {
	case isJSON && resp.StatusCode == http.StatusNotFound && json.Unmarshal(text, &refused) == nil && refused.Error != "":
		return nil, fmt.Errorf("%w: %s", ErrNoTarget, refused.Error)
	case resp.StatusCode == http.StatusOK && isJSON:
		if err := json.Unmarshal(text, into); err != nil {
			return fail(fmt.Errorf("%w: is this a camunda-scaler of another version?", err))
		}
		return text, nil
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		return fail(fmt.Errorf("%s: set --http.config.file", resp.Status))
	}
	return fail(fmt.Errorf("%s: is this a camunda-scaler?", resp.Status))
}
