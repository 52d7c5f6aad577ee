// Package promapi is the scaler's client of a Prometheus. It bounds the requests
// in flight, sends queries that wait for their turn in one request, and refuses
// answers that client_golang would read as a 0 that nothing measured.
package promapi

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
)

// maxAnswer bounds what is read of an answer. One series takes some hundred
// bytes; a query for a hundred thousand gets an error, not an out-of-memory kill.
const maxAnswer = 16 << 20

// New returns a client for the Prometheus (or Thanos, Mimir, ...) at
// address. Query parameters of the address are sent with every request. A
// redirect to another server is an error, whatever c says: headers, credentials
// and parameters are for the address alone, and without them another number
// might be the answer. Each query ends after Timeout.
func New(address *url.URL, c *http.Client, l Load) (v1.API, error) {
	base := *address
	base.RawQuery = ""
	next := c.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	own := *c
	own.Transport = roundTripper{next, address.Query()}
	client, err := api.NewClient(api.Config{Address: base.String(), Client: &own})
	if err != nil {
		return nil, fmt.Errorf("make a client for Prometheus at %s: %w", base.Redacted(), err)
	}
	return newTurns(v1.NewAPI(strict{client}), l), nil
}

// roundTripper adds query parameters, bounds the answer, and refuses redirects
// that cannot be followed.
type roundTripper struct {
	http.RoundTripper
	params url.Values
}

func (t roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := r
	if len(t.params) > 0 {
		sent = r.Clone(r.Context())
		q := sent.URL.Query()
		maps.Copy(q, t.params)
		sent.URL.RawQuery = q.Encode()
	}
	resp, err := t.RoundTripper.RoundTrip(sent)
	if err != nil {
		return nil, err
	}
	if err := checkRedirect(r, resp); err != nil {
		resp.Body.Close()
		return nil, err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	return resp, nil
}

// checkRedirect returns an error for a redirect that leaves the server, or that
// loses the query on its way.
func checkRedirect(r *http.Request, resp *http.Response) error {
	if !isRedirect(resp) {
		return nil
	}
	to, err := r.URL.Parse(resp.Header.Get("Location"))
	if err != nil {
		return redirected("%s redirects to an address that cannot be parsed: set prometheus.url to the right one", r.URL.Host)
	}
	switch server := to.Scheme + "://" + to.Host; {
	case !sameServer(r.URL, to):
		return redirected("%s redirects to %s, and a redirect to another server is not followed: set prometheus.url to it, if it is the right one", r.URL.Host, server)
	case r.Method == http.MethodPost && resp.StatusCode < http.StatusTemporaryRedirect:
		return redirected("%s redirects to %s with status %d, by which a POST loses its query: set prometheus.url to %s", r.URL.Host, server, resp.StatusCode, server)
	}
	return nil
}

func isRedirect(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return resp.Header.Get("Location") != ""
	}
	return false
}

// sameServer reports whether to is the same server, or the same host by TLS.
func sameServer(from, to *url.URL) bool {
	switch {
	case from.Scheme == to.Scheme:
		return strings.EqualFold(from.Host, to.Host)
	case from.Scheme == "http" && to.Scheme == "https":
		return strings.EqualFold(from.Hostname(), to.Hostname())
	}
	return false
}

// redirected is an answer of the server, and no failure of the connection.
func redirected(format string, args ...any) error {
	return &v1.Error{Type: v1.ErrBadResponse, Msg: fmt.Sprintf(format, args...)}
}
