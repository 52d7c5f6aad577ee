package query

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/prometheus/client_golang/api"
)

// strict refuses answers that the client would take for 0 or for an empty one:
// it reads a sample without a value, such as {"metric":{}} or
// {"value":[1700000000]}, as 0 at the time 0, and does not look whether the
// answer says that the query succeeded.
type strict struct{ api.Client }

// Do implements api.Client.
func (c strict) Do(ctx context.Context, r *http.Request) (*http.Response, []byte, error) {
	resp, body, err := c.Client.Do(ctx, r)
	switch {
	case err != nil:
		return resp, body, withoutQuery(err)
	case isRedirect(resp):
		return resp, body, redirected("%s redirects, and follow_redirects is false: set prometheus.url to where it redirects to", r.URL.Host)
	case resp.StatusCode/100 == 2:
		return resp, body, check(body)
	}
	return resp, body, nil
}

// withoutQuery leaves out what a redirect may have repeated of the query
// parameters, for they may be secret.
func withoutQuery(err error) error {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		failed.URL, _, _ = strings.Cut(failed.URL, "?")
	}
	return err
}

// check looks at what the client does not. What it cannot parse it leaves to
// the client, which says what is wrong.
func check(body []byte) error {
	var answer struct {
		Status string
		Data   struct {
			ResultType string
			Result     json.RawMessage
		}
	}
	if !parse(body, &answer) || answer.Status == "error" {
		return nil
	}
	if answer.Status != "success" {
		return errors.New("an answer that does not say that the query succeeded: is this a Prometheus?")
	}
	switch answer.Data.ResultType {
	case "scalar":
		var pair []json.RawMessage
		if parse(answer.Data.Result, &pair) && !isPair(pair) {
			return fmt.Errorf("a scalar that is not [time, \"number\"]: %.100s", answer.Data.Result)
		}
	case "vector":
		var series []*struct{ Value, Histogram []json.RawMessage }
		if parse(answer.Data.Result, &series) && series == nil {
			return errors.New("an answer without a result")
		}
		for _, s := range series {
			if s == nil || !isPair(s.Value) && (len(s.Histogram) != 2 || s.Histogram[1][0] != '{') {
				return errors.New("a series that has no [time, \"number\"]")
			}
		}
	}
	return nil
}

func parse(text []byte, into any) bool { return json.Unmarshal(text, into) == nil }

// isPair reports whether it is [1700000000.123, "42"].
func isPair(pair []json.RawMessage) bool {
	return len(pair) == 2 && pair[0][0] != '"' && pair[0][0] != 'n' && pair[1][0] == '"'
}
