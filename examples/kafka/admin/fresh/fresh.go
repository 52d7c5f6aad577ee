// Package fresh reads a cluster's metadata without the client's cache.
package fresh

import (
	"context"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Context makes requests of a kadm.Client that need metadata ask for it. Without it,
// a list of brokers alone comes from a cache that the client renews every five
// minutes: a broker that has come or gone meanwhile would be missed. The client's
// cache has no authorized operations, so a request for them passes it by.
func Context(ctx context.Context) context.Context { return kadm.WithAuthorizedOps(ctx) }
