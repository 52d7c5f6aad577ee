package node

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"github.com/camunda-autoscaler/camunda-autoscaler/e2e/netns"
)

// network is a network namespace that is not this process's own.
type network struct {
	*netns.Space

	mu        sync.Mutex
	listeners []net.Listener
}

func openNetwork(path string) (*network, error) {
	space, err := netns.Open(path)
	if err != nil {
		return nil, err
	}
	return &network{Space: space}, nil
}

// forward accepts connections to a local address and connects them to one in
// the network. It returns the local address, for which the port may be 0.
func (n *network) forward(ctx context.Context, local, remote string) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", local)
	if err != nil {
		return "", err
	}
	n.mu.Lock()
	n.listeners = append(n.listeners, listener)
	n.mu.Unlock()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed
			}
			go n.join(ctx, conn, remote)
		}
	}()
	return listener.Addr().String(), nil
}

func (n *network) join(ctx context.Context, outside net.Conn, remote string) {
	defer outside.Close()
	inside, err := n.Dial(ctx, "tcp", remote)
	if err != nil {
		return // the caller sees its connection end
	}
	defer inside.Close()
	done := make(chan struct{}, 2)
	pipe := func(to, from net.Conn) {
		_, _ = io.Copy(to, from) // either side may go at any time
		if half, ok := to.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		done <- struct{}{}
	}
	go pipe(inside, outside)
	go pipe(outside, inside)
	<-done
	<-done
}

func (n *network) close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	var errs []error
	for _, l := range n.listeners {
		errs = append(errs, l.Close())
	}
	n.listeners = nil
	return errors.Join(append(errs, n.Close())...)
}
