// Package sleep waits for a time, unless a context ends first.
package sleep

import (
	"context"
	"time"
)

// For returns nil after d, or the context's error as soon as it ends.
func For(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
