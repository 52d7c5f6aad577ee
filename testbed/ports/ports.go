// Package ports finds free TCP ports on loopback for programs that cannot be
// told to pick one themselves.
package ports

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// Host is where all parts listen.
const Host = "127.0.0.1"

// Ports from this range are not used by outgoing connections, on Linux and
// elsewhere. One that the system picks (port 0) could be taken by a connection
// before a program that starts slowly listens on it, or while it is restarted.
const first, last = 20000, 29999

// attempts bounds Retry: another process may still pick the same port.
const attempts = 5

// Address joins Host and a port.
func Address(port int) string { return net.JoinHostPort(Host, strconv.Itoa(port)) }

// Free returns n different ports that are free now.
func Free(n int) ([]int, error) {
	var found []int
	for len(found) < n {
		port := first + rand.IntN(last-first+1)
		l, err := net.Listen("tcp", Address(port)) //nolint:noctx // it does not wait
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("looking for a free port: %w", err)
		}
		defer l.Close() // not before all are found, so that none is found twice
		found = append(found, port)
	}
	return found, nil
}

// Retry calls start with n free ports, and again with others if a program
// found its port taken.
func Retry(n int, start func(ports []int) error) error {
	for attempt := 1; ; attempt++ {
		found, err := Free(n)
		if err != nil {
			return err
		}
		if err = start(found); err == nil || attempt == attempts || !process.AddressInUse(err) {
			return err
		}
	}
}
