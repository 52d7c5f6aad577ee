package promapi

import (
	"context"
	"net"
	"sync"
)

// Dial opens a connection, as net.Dialer.DialContext does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// LimitConnections returns a Dial with which n connections are open at most; one
// more waits until another is closed. A client with n requests in flight can
// have more without it: it also dials when a request finds no idle connection,
// and then may take one that has become idle meanwhile.
func LimitConnections(n int, dial Dial) Dial {
	open := make(chan struct{}, n)
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		select {
		case open <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		conn, err := dial(ctx, network, address)
		if err != nil {
			<-open
			return nil, err
		}
		return &counted{Conn: conn, closed: sync.OnceFunc(func() { <-open })}, nil
	}
}

type counted struct {
	net.Conn
	closed func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	defer c.closed()
	return c.Conn.Close()
}
