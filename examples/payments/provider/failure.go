package provider

import (
	"io"
	"net"
	"net/http"
	"strconv"
)

// Failure is a way to fail.
type Failure string

// The ways to fail. Only Lost has charged the customer.
const (
	None      Failure = ""
	Refuse    Failure = "refuse"    // the answer is false
	Error     Failure = "error"     // status 500
	Hang      Failure = "hang"      // no answer, until the caller gives up
	Reset     Failure = "reset"     // the connection is reset
	Malformed Failure = "malformed" // an answer that ends in the middle
	Lost      Failure = "lost"      // the charge is made, and its answer is lost
)

// Failures returns the names of all ways to fail, and none for none.
func Failures() []string {
	return []string{"none", string(Refuse), string(Error), string(Hang), string(Reset), string(Malformed), string(Lost)}
}

// ParseFailure returns the Failure of a name among Failures.
func ParseFailure(name string) Failure {
	if name == "none" {
		return None
	}
	return Failure(name)
}

// answer answers a charge that fails, and returns what became of it.
func (f Failure) answer(w http.ResponseWriter, accept bool) result {
	switch f {
	case Refuse:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"result": false}`+"\n")
		return refused
	case Malformed:
		const text = `{"result": tru`
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		_, _ = io.WriteString(w, text)
	case Reset:
		reset(w)
	case Lost:
		reset(w)
		return outcome(accept)
	default:
		http.Error(w, "the provider fails, as it was told to", http.StatusInternalServerError)
	}
	return failed
}

// reset ends the connection without an answer.
func reset(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 has streams to end
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}
