// Package ports finds free TCP ports on loopback for programs that cannot be
// told to pick one themselves.
package ports

import (
	"fmt"
	"net"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// Host is where all parts listen.
const Host = "127.0.0.1"

// attempts bounds Retry: a port is free when it is picked, and may be taken a
// moment later, before the program that it is for listens on it.
const attempts = 5

// Free returns n different ports that are free now.
func Free(n int) ([]int, error) {
	var found []int
	for range n {
		l, err := net.Listen("tcp", net.JoinHostPort(Host, "0"))
		if err != nil {
			return nil, fmt.Errorf("looking for a free port: %w", err)
		}
		defer l.Close() // not before all are found, so that none is found twice
		found = append(found, l.Addr().(*net.TCPAddr).Port)
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
