package promapi

import (
	"context"
	"errors"
	"net/url"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
)

// Cause is why a query failed, for a metric's label.
type Cause string

// The causes.
const (
	CauseBadQuery   Cause = "bad_query"  // Prometheus refuses the query
	CauseTimeout    Cause = "timeout"    // no answer in time
	CauseServer     Cause = "server"     // Prometheus answers with an error
	CauseConnection Cause = "connection" // Prometheus cannot be reached
	CauseResult     Cause = "result"     // an answer that is no number
)

// Causes lists every cause.
func Causes() []Cause {
	return []Cause{CauseBadQuery, CauseTimeout, CauseServer, CauseConnection, CauseResult}
}

// CauseOf classifies the error of a failed result.
func CauseOf(err error) Cause {
	var refused *v1.Error
	var unreachable *url.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return CauseTimeout
	case errors.As(err, &refused):
		switch refused.Type {
		case v1.ErrBadData, v1.ErrExec:
			return CauseBadQuery
		case v1.ErrTimeout:
			return CauseTimeout
		}
		return CauseServer
	case errors.As(err, &unreachable):
		return CauseConnection
	default:
		return CauseResult
	}
}
