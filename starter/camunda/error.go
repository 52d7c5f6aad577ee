package camunda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/camunda-autoscaler/camunda-autoscaler/service/client"
)

// Cause says why a request failed. The set is closed: it is a metric's label.
type Cause string

// The causes.
const (
	Timeout      Cause = "timeout"      // no answer in time; the engine may have done it
	Connection   Cause = "connection"   // no answer; the engine may have done it
	Unauthorized Cause = "unauthorized" // 401, or not sent because credentials were refused before
	Forbidden    Cause = "forbidden"    // 403
	NotDeployed  Cause = "not_deployed" // the engine does not know the process
	Refused      Cause = "refused"      // any other 3xx or 4xx
	EngineError  Cause = "engine_error" // 5xx
	BadAnswer    Cause = "bad_answer"   // 2xx, but not what the REST API answers
	Other        Cause = "other"        // an error of the program itself
)

// Causes are all causes, in a stable order.
var Causes = []Cause{Timeout, Connection, Unauthorized, Forbidden, NotDeployed, Refused, EngineError, BadAnswer, Other}

// Error is an error with its cause.
type Error struct {
	Cause Cause
	Err   error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// CauseOf returns the cause of an error that a Client returned.
func CauseOf(err error) Cause {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Cause
	}
	return Other
}

// noAnswer returns the error of a request without an answer.
func noAnswer(ctx context.Context, err error) error {
	if refused, ok := errors.AsType[*client.RefusedError](err); ok {
		return &Error{Unauthorized, refused}
	}
	var network net.Error
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &network) && network.Timeout()) {
		return &Error{Timeout, fmt.Errorf("no answer in time: %w", err)}
	}
	return &Error{Connection, err}
}

// refused returns the error of an answer that is not 2xx.
func refused(status int, body []byte) error {
	// The engine's own errors are JSON; anything else comes from a proxy or
	// from a server without a REST API at this path.
	var answer struct{ Type, Message string }
	err := fmt.Errorf("answered %d %s", status, http.StatusText(status))
	if json.Unmarshal(body, &answer) == nil && answer.Message != "" {
		err = fmt.Errorf("%w: %s", err, answer.Message)
	}
	switch {
	case status == http.StatusUnauthorized:
		return &Error{Unauthorized, err}
	case status == http.StatusForbidden:
		return &Error{Forbidden, err}
	case status == http.StatusNotFound && answer.Type == "RestException":
		return &Error{NotDeployed, err}
	case status == http.StatusNotFound:
		return &Error{Refused, fmt.Errorf("%w: there is no REST API at this address", err)}
	case status/100 == 5:
		return &Error{EngineError, err}
	}
	return &Error{Refused, err}
}
