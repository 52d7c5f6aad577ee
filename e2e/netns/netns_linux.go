// Package netns calls functions in network namespaces that are not this process's own.
package netns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Space is a network namespace. It lives at least until Close.
type Space struct{ file *os.File }

// Open opens the namespace at a path, such as /proc/1/ns/net.
func Open(path string) (*Space, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &Space{f}, nil
}

// New creates a namespace, of which not even the loopback is up. It takes root.
func New() (s *Space, err error) {
	onThread(func() {
		if err = unix.Unshare(unix.CLONE_NEWNET); err == nil {
			s, err = Open("/proc/thread-self/ns/net")
		}
	})
	if err != nil {
		return nil, fmt.Errorf("creating a network namespace: %w", err)
	}
	return s, nil
}

// Close closes the namespace.
func (s *Space) Close() error { return s.file.Close() }

// Path is what other programs, such as ip, call the namespace by.
func (s *Space) Path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), s.file.Fd()) }

// Do calls a function in the namespace, together with the programs that it starts.
func (s *Space) Do(f func()) (err error) {
	onThread(func() {
		if err = unix.Setns(int(s.file.Fd()), unix.CLONE_NEWNET); err == nil {
			f()
		}
	})
	if err != nil {
		return fmt.Errorf("entering a network namespace: %w", err)
	}
	return nil
}

// Dial connects to an address (IP and port) as the namespace sees it.
func (s *Space) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	entering := s.Do(func() { conn, err = new(net.Dialer).DialContext(ctx, network, address) })
	return conn, errors.Join(entering, err)
}

// Listen listens at an address in the namespace.
func (s *Space) Listen(ctx context.Context, network, address string) (l net.Listener, err error) {
	entering := s.Do(func() { l, err = new(net.ListenConfig).Listen(ctx, network, address) })
	return l, errors.Join(entering, err)
}

// onThread calls a function on a thread of its own. It is never unlocked, so it ends
// with its goroutine: it may be in the wrong namespace for all others.
func onThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		f()
	}()
	<-done
}
