package workload

import (
	"context"
	"errors"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/kubeapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/lease"
)

// Cause classifies a failed request to the API server, for a metric's label.
type Cause string

// The causes of a failed request.
const (
	CauseConflict   Cause = "conflict"   // the workload changed since it was read
	CauseForbidden  Cause = "forbidden"  // not allowed, or not authenticated (401, 403)
	CauseNotFound   Cause = "not_found"  // no such workload, kind or namespace
	CauseThrottled  Cause = "throttled"  // too many requests: refused for that, or not sent
	CauseRejected   Cause = "rejected"   // refused as invalid, for example by an admission webhook
	CauseTimeout    Cause = "timeout"    // no answer in time
	CauseServer     Cause = "server"     // the server failed
	CauseConnection Cause = "connection" // the server cannot be reached, or its answer was lost
	CauseNotLeader  Cause = "not_leader" // not tried, because another scaler may hold the Lease
)

// Causes lists every cause.
func Causes() []Cause {
	return []Cause{
		CauseConflict, CauseForbidden, CauseNotFound, CauseThrottled,
		CauseRejected, CauseTimeout, CauseServer, CauseConnection, CauseNotLeader,
	}
}

// CauseOf classifies an error of Get, Set or ScaledByHPA. After CauseTimeout,
// CauseServer and CauseConnection of Set, the replicas may have been written all
// the same.
func CauseOf(err error) Cause {
	var status apierrors.APIStatus
	switch {
	case errors.Is(err, lease.ErrNotHeld):
		return CauseNotLeader
	case errors.Is(err, gate.ErrNotSent):
		return CauseThrottled
	case apierrors.IsConflict(err):
		return CauseConflict
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return CauseForbidden
	case apierrors.IsNotFound(err), errors.Is(err, kubeapi.ErrNoScale):
		return CauseNotFound
	case apierrors.IsTooManyRequests(err):
		return CauseThrottled
	case apierrors.IsTimeout(err), apierrors.IsServerTimeout(err), errors.Is(err, context.DeadlineExceeded):
		return CauseTimeout
	case errors.As(err, &status):
		if code := status.Status().Code; code >= http.StatusBadRequest && code < http.StatusInternalServerError {
			return CauseRejected
		}
		return CauseServer
	default:
		return CauseConnection
	}
}
