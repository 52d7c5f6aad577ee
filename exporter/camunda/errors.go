package camunda

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	"golang.org/x/oauth2"

	"github.com/camunda-autoscaler/camunda-autoscaler/service/client"
)

// Cause tells why a request failed. The set is closed: it is a metric's label.
type Cause string

// The causes.
const (
	Timeout      Cause = "timeout"      // no complete answer before the deadline
	Canceled     Cause = "canceled"     // the scraper disconnected
	Connection   Cause = "connection"   // no connection, or it broke
	TLS          Cause = "tls"          // no trust in the engine's certificate, or no TLS there
	Credentials  Cause = "credentials"  // a credentials file could not be read, or an OAuth2 server failed
	Unauthorized Cause = "unauthorized" // 401, an OAuth2 server refused a token, or not sent because of either
	Forbidden    Cause = "forbidden"    // 403
	HTTP3xx      Cause = "http_3xx"     // a redirect that the configuration does not follow
	HTTP4xx      Cause = "http_4xx"     // any other 4xx
	HTTP5xx      Cause = "http_5xx"     // 5xx
	NotJSON      Cause = "not_json"     // an answer, but no JSON
	Nonsense     Cause = "nonsense"     // JSON, but not the answer to the request
)

// Error is the error of every request that fails.
type Error struct {
	Endpoint Endpoint
	Cause    Cause
	Err      error
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s request to the engine: %v", e.Endpoint, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// CauseOf returns the cause of a failed request, and false if err is another
// error.
func CauseOf(err error) (Cause, bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Cause, true
	}
	return "", false
}

// endCause tells why a request was given up.
func endCause(ctx context.Context) Cause {
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return Canceled
	}
	return Timeout
}

// transportCause tells why there was no answer at all.
func transportCause(err error) Cause {
	var (
		refused *client.RefusedError
		token   *oauth2.RetrieveError
		file    *fs.PathError
		cert    *tls.CertificateVerificationError
		record  tls.RecordHeaderError
		alert   tls.AlertError
		unknown x509.UnknownAuthorityError
		timeout interface{ Timeout() bool }
	)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	case errors.As(err, &refused):
		return Unauthorized
	case errors.As(err, &token) && token.Response != nil && statusCause(token.Response.StatusCode) == HTTP5xx:
		return Credentials
	case errors.As(err, &token):
		return Unauthorized
	case errors.As(err, &file):
		return Credentials
	case errors.Is(err, http.ErrSchemeMismatch),
		errors.As(err, &cert), errors.As(err, &record), errors.As(err, &alert), errors.As(err, &unknown):
		return TLS
	case errors.As(err, &timeout) && timeout.Timeout():
		return Timeout
	}
	return Connection
}

// statusCause tells why an answer with this status has no number; it is empty
// for 200.
func statusCause(status int) Cause {
	switch {
	case status == http.StatusOK:
		return ""
	case status == http.StatusUnauthorized:
		return Unauthorized
	case status == http.StatusForbidden:
		return Forbidden
	case status >= 500:
		return HTTP5xx
	case status >= 400:
		return HTTP4xx
	case status >= 300:
		return HTTP3xx
	}
	return Nonsense
}
