package ports

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

func TestFreePortsAreFreeAndDifferent(t *testing.T) {
	found, err := Free(50)
	if err != nil {
		t.Fatal(err)
	}
	for _, port := range found { // a second listener on the same port would fail
		l, err := net.Listen("tcp", Address(port))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
}

func TestRetryTakesOtherPortsWhenOneIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", Host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var tried []int
	err = Retry(1, func(ports []int) error {
		tried = append(tried, ports[0])
		if len(tried) == 1 {
			return listenInChild(t, taken.Addr().String())
		}
		return nil
	})
	if err != nil || len(tried) != 2 || tried[0] == tried[1] {
		t.Errorf("tried %v (%v), want two different ports", tried, err)
	}
}

func TestRetryGivesUp(t *testing.T) {
	taken, err := net.Listen("tcp", Host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	calls := 0
	err = Retry(1, func([]int) error {
		calls++
		return listenInChild(t, taken.Addr().String())
	})
	if !process.AddressInUse(err) || calls != attempts {
		t.Errorf("got %v after %d calls, want the last error after %d", err, calls, attempts)
	}
}

func TestOtherErrorsAreNotRetried(t *testing.T) {
	calls, broken := 0, errors.New("broken")
	err := Retry(1, func([]int) error {
		calls++
		return broken
	})
	if !errors.Is(err, broken) || calls != 1 {
		t.Errorf("got %v after %d calls, want the error at once", err, calls)
	}
}

const listenVariable = "TESTBED_PORTS_LISTEN"

// listenInChild runs this test program as a server.
func listenInChild(t *testing.T, address string) error {
	return process.Run(t.Context(), process.Spec{
		Name: "server", Path: os.Args[0], Env: []string{listenVariable + "=" + address},
		Log: filepath.Join(t.TempDir(), "log"),
	})
}

func TestMain(m *testing.M) {
	if address := os.Getenv(listenVariable); address != "" {
		if _, err := net.Listen("tcp", address); err != nil {
			println(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}
