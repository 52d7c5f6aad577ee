package query

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
)

// maxAnswer bounds what is read of an answer. One series needs some hundred
// bytes; whoever selects a hundred thousand gets an error, not an
// out-of-memory kill.
const maxAnswer = 16 << 20

// NewAPI returns a client for the Prometheus (or Thanos, Mimir, ...) at
// address. Query parameters of the address are sent with every request.
func NewAPI(address *url.URL, transport http.RoundTripper) (v1.API, error) {
	base := *address
	base.RawQuery = ""
	client, err := api.NewClient(api.Config{
		Address:      base.String(),
		RoundTripper: roundTripper{transport, address.Query()},
	})
	if err != nil {
		return nil, fmt.Errorf("make a client for Prometheus at %s: %w", base.Redacted(), err)
	}
	return v1.NewAPI(strict{client}), nil
}

// roundTripper adds query parameters and bounds the answer.
type roundTripper struct {
	http.RoundTripper
	params url.Values
}

func (t roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	if len(t.params) > 0 {
		r = r.Clone(r.Context())
		q := r.URL.Query()
		for name, values := range t.params {
			q[name] = values
		}
		r.URL.RawQuery = q.Encode()
	}
	resp, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	return resp, nil
}
