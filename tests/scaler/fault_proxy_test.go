package scaler

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// faulty stands between the scaler and a real Prometheus or a real API server,
// for faults that these do not have on demand. It passes everything on until it
// is told to fail.
type faulty struct {
	*httptest.Server
	fault atomic.Pointer[fault]
}

// fault answers a request in place of next, which is the real server, or lets
// next do it.
type fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

// newFaulty stands before the server at address, which is reached by transport.
func newFaulty(t *testing.T, address string, transport http.RoundTripper) *faulty {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	behind := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(u) },
		Transport:     transport,
		FlushInterval: -1, // a watch is an answer that never ends
		ErrorLog:      log.New(io.Discard, "", 0),
		// A server that is away looks the same through this as without it.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	f := &faulty{}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fail := f.fault.Load(); fail != nil {
			(*fail)(w, r, behind)
			return
		}
		behind.ServeHTTP(w, r)
	}))
	f.Config.ErrorLog = log.New(io.Discard, "", 0)
	f.Start()
	t.Cleanup(func() {
		f.CloseClientConnections() // with what hangs
		f.Close()
	})
	return f
}

// begin makes it fail, also what is under way: a watch breaks off.
func (f *faulty) begin(fail fault) {
	f.fault.Store(&fail)
	f.CloseClientConnections()
}

func (f *faulty) end() { f.fault.Store(nil) }

// answer is one that does not come from the server.
func answer(status int, contentType, body string, headers ...string) fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Length", strconv.Itoa(len(body))) // a huge one is sent in one piece
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// status is an answer as the API server gives it when it refuses.
func status(code int, reason string, headers ...string) fault {
	return answer(code, "application/json", fmt.Sprintf(
		`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"message":"a fault","code":%d}`, reason, code), headers...)
}

// slow lets the server answer after a while.
func slow(d time.Duration) fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		select {
		case <-time.After(d):
			next.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}
}

// hang never answers.
func hang(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body) // only then is it noticed that the client goes
	<-r.Context().Done()
}

// cut ends the connection without an answer.
func cut(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

// half ends the connection in the middle of the answer.
func half(w http.ResponseWriter, r *http.Request, next http.Handler) {
	whole := httptest.NewRecorder()
	next.ServeHTTP(whole, r)
	w.Header().Set("Content-Type", whole.Header().Get("Content-Type"))
	w.Header().Set("Content-Length", strconv.Itoa(whole.Body.Len()))
	w.WriteHeader(whole.Code)
	_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
	panic(http.ErrAbortHandler)
}

// lost lets the server do what it is asked to; its answer gets lost.
func lost(_ http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// only has the fault for some requests, and none for others.
func only(which func(*http.Request) bool, fail fault) fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if which(r) {
			fail(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	}
}

func writes(r *http.Request) bool { return r.Method == http.MethodPatch }
