package query

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// What a healthy Prometheus answers is tested against a real one, in
// tests/scaler; here are the faults that a real one does not have on demand.

func newAPI(t *testing.T, h http.HandlerFunc) v1.API {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	api, err := promapi.New(u, &http.Client{Transport: &http.Transport{}}, promapi.Load{})
	if err != nil {
		t.Fatal(err)
	}
	return api
}

func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		w.Write([]byte(body))
	}
}

func vector(series string) http.HandlerFunc {
	return answering(http.StatusOK, `{"status":"success","data":{"resultType":"vector","result":[`+series+`]}}`)
}

// single is an answer for one workload: its value, and its sample's time.
func single(value, at string) string {
	series := `{"metric":{"a":"b","` + part + `":"value"},"value":[1700000000,"` + value + `"]},` +
		`{"metric":{"` + part + `":"time"},"value":[1700000000,"` + at + `"]}`
	return whole(series)
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		want    sample.Outcome
		cause   promapi.Cause
		err     string
	}{
		{name: "500", handler: answering(500, "boom"), cause: promapi.CauseServer, err: "server error: 500"},
		{name: "502 of a proxy", handler: answering(502, "<html>"), cause: promapi.CauseServer, err: "502"},
		{name: "503", handler: answering(503, `{"status":"error","errorType":"timeout","error":"query timed out"}`), cause: promapi.CauseServer, err: "query timed out"},
		{name: "401", handler: answering(401, "who are you"), cause: promapi.CauseServer, err: "who are you"},
		{name: "404, no Prometheus", handler: answering(404, "not found"), cause: promapi.CauseServer, err: "404"},
		{name: "refused query", handler: answering(400, `{"status":"error","errorType":"bad_data","error":"parse error"}`), cause: promapi.CauseBadQuery, err: "parse error"},
		{name: "failed execution", handler: answering(422, `{"status":"error","errorType":"execution","error":"too many samples"}`), cause: promapi.CauseBadQuery, err: "too many samples"},
		{name: "no JSON", handler: answering(200, "<html>login</html>"), cause: promapi.CauseServer},
		{name: "half an answer", handler: answering(200, `{"status":"success","data":{"resultTy`), cause: promapi.CauseServer},
		{name: "empty body", handler: answering(200, ""), cause: promapi.CauseServer},
		{name: "another JSON", handler: answering(200, `{"hello":"world"}`), cause: promapi.CauseResult},
		{name: "no result", handler: answering(200, `{"status":"success","data":{"resultType":"vector"}}`), cause: promapi.CauseServer},
		{name: "null result", handler: answering(200, `{"status":"success","data":null}`), cause: promapi.CauseResult},
		{name: "null vector", handler: answering(200, `{"status":"success","data":{"resultType":"vector","result":null}}`), cause: promapi.CauseResult, err: "without a result"},
		{name: "null series", handler: vector("null"), cause: promapi.CauseResult},
		{name: "series without a value", handler: vector(`{"metric":{}}`), cause: promapi.CauseResult, err: `no [time, "number"]`},
		{name: "value without a number", handler: vector(`{"metric":{},"value":[1]}`), cause: promapi.CauseResult, err: `no [time, "number"]`},
		{name: "null value", handler: vector(`{"metric":{},"value":[1,null]}`), cause: promapi.CauseResult, err: `no [time, "number"]`},
		{name: "null time", handler: vector(`{"metric":{},"value":[null,"1"]}`), cause: promapi.CauseResult, err: `no [time, "number"]`},
		{name: "null histogram", handler: vector(`{"metric":{},"histogram":[1,null]}`), cause: promapi.CauseResult, err: `no [time, "number"]`},
		{name: "series that are none", handler: vector(`7`), cause: promapi.CauseResult},
		{name: "scalar without a number", handler: answering(200, `{"status":"success","data":{"resultType":"scalar","result":[1]}}`), cause: promapi.CauseResult, err: "a scalar that is not"},
		{name: "neither success nor error", handler: answering(200, `{"status":"maybe","data":{"resultType":"vector","result":[]}}`), cause: promapi.CauseResult, err: "is this a Prometheus?"},
		{name: "error that is a 200", handler: answering(200, `{"status":"error","errorType":"internal","error":"no"}`), cause: promapi.CauseServer, err: "no"},
		{name: "partial timeout", handler: answering(422, `{"status":"error","errorType":"timeout","error":"too slow"}`), cause: promapi.CauseTimeout, err: "too slow"},
		{name: "native histogram", handler: vector(`{"metric":{"__camunda_scaler__":"value"},"histogram":[1,{"count":"1","sum":"1","buckets":[]}]},{"metric":{"__camunda_scaler__":"now"},"value":[1,"0"]}`), want: sample.ManySeries},
		{name: "huge answer", handler: answering(200, strings.Repeat(" ", 16<<20+1)), cause: promapi.CauseResult, err: "too large"},
		{name: "connection lost", handler: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, cause: promapi.CauseConnection},
		{name: "empty", handler: vector(""), want: sample.NoData},
		{name: "NaN", handler: vector(`{"metric":{},"value":[1,"NaN"]}`), want: sample.NotANumber},
		{name: "too large for a number", handler: vector(`{"metric":{},"value":[1,"1e999"]}`), cause: promapi.CauseServer},
		{name: "two series", handler: vector(`{"metric":{"a":"1"},"value":[1,"1"]},{"metric":{"a":"2"},"value":[1,"1"]}`), want: sample.ManySeries},
	} {
		t.Run(c.name, func(t *testing.T) {
			api := newAPI(t, c.handler)
			results := map[string]sample.Result{"a number": NewNumber(api, "x", func(string) {}).Now(t.Context())}
			if c.want == "" {
				results["a sample"] = New(api, Options{Query: "x", TimestampQuery: "y", Warn: func(string) {}}).Reader(Key{}).Read(t.Context())
			}
			for name, got := range results {
				if want := cmp.Or(c.want, sample.Failed); got.Outcome != want {
					t.Fatalf("%s: got %+v, want %s", name, got, want)
				}
				if c.cause == "" {
					continue
				}
				if got.Err == nil || promapi.CauseOf(got.Err) != c.cause || !strings.Contains(got.Err.Error(), c.err) {
					t.Errorf("%s: got %v (%s), want %s, %q", name, got.Err, promapi.CauseOf(got.Err), c.cause, c.err)
				}
			}
		})
	}
}

func TestHangingPrometheusTimesOut(t *testing.T) {
	api := newAPI(t, func(_ http.ResponseWriter, r *http.Request) { r.ParseForm(); <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if got := New(api, Options{Query: "x", TimestampQuery: "y"}).Reader(Key{}).Read(ctx); got.Outcome != sample.Failed || promapi.CauseOf(got.Err) != promapi.CauseTimeout {
		t.Errorf("got %+v (%s), want a timeout", got, promapi.CauseOf(got.Err))
	}
}

// Failures of every kind, again and again, leave nothing behind.
func TestFailuresLeakNothing(t *testing.T) {
	faults := []http.HandlerFunc{
		answering(500, "boom"), answering(200, "{"), answering(400, "no"), vector(`{"metric":{},"value":[1,"NaN"]}`),
		func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		func(w http.ResponseWriter, r *http.Request) { // hangs in the middle of the answer
			r.ParseForm()
			w.Write([]byte(`{"status":`))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
	}
	var n atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { faults[n.Load()%int64(len(faults))](w, r) }))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	api, err := promapi.New(u, &http.Client{Transport: transport}, promapi.Load{})
	if err != nil {
		t.Fatal(err)
	}
	r := New(api, Options{Query: "x", TimestampQuery: "y", Warn: func(string) {}}).Reader(Key{})
	round := func() int {
		for range 60 {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			if got := r.Read(ctx); got.Outcome == sample.Value {
				t.Errorf("got %+v", got)
			}
			cancel()
			n.Add(1)
		}
		transport.CloseIdleConnections()
		server.CloseClientConnections()
		return runtime.NumGoroutine()
	}
	first := round()
	// A connection's goroutines end soon after it, but not at once.
	last := 0
	for range 100 {
		if last = round(); last <= first {
			return
		}
	}
	t.Errorf("%d goroutines in the end, %d in the beginning", last, first)
}

func TestRequests(t *testing.T) {
	var got []url.Values
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		r.Form.Set("path", r.URL.Path)
		got = append(got, r.Form)
		answering(200, strings.Replace(single("7", "1699999999.5"), `"data"`, `"warnings":["half of it is missing"],"data"`, 1))(w, r)
	}))
	defer server.Close()
	u, err := url.Parse(server.URL + "/prefix?dedup=true&tenant=a&tenant=b")
	if err != nil {
		t.Fatal(err)
	}
	api, err := promapi.New(u, &http.Client{Transport: &http.Transport{}}, promapi.Load{})
	if err != nil {
		t.Fatal(err)
	}
	var warnings []string
	r := New(api, Options{Query: "load", Warn: func(w string) { warnings = append(warnings, w) }}).Reader(Key{})
	for range 2 { // each look is a request: nothing is shared with others
		res := r.Read(t.Context())
		if res.Outcome != sample.Value || res.Value != 7 || res.Timestamp != time.UnixMilli(1699999999500) || res.Now.Sub(res.Timestamp).Round(time.Second) != time.Second {
			t.Errorf("got %+v", res)
		}
	}
	one := url.Values{
		"query": {combine("load", "timestamp(\nload\n)")},
		"path":  {"/prefix/api/v1/query"}, "dedup": {"true"}, "tenant": {"a", "b"},
	}
	a, _ := json.Marshal(got)
	b, _ := json.Marshal([]url.Values{one, one})
	if string(a) != string(b) {
		t.Errorf("got the requests\n%s\nwant\n%s", a, b)
	}
	if len(warnings) != 2 {
		t.Errorf("got the warnings %q, want one per request", warnings)
	}
}

// Without a timestamp query, Prometheus gives an expression the time of its
// evaluation; that must not pass in silence.
func TestUnknownAgeIsSaidOnce(t *testing.T) {
	api := newAPI(t, answering(200, single("7", "1700000000")))
	for timestampQuery, want := range map[string]int{"": 1, "time()": 0} {
		var warnings []string
		r := New(api, Options{Query: "sum(load)", TimestampQuery: timestampQuery, Warn: func(w string) { warnings = append(warnings, w) }}).Reader(Key{})
		for range 5 {
			r.Read(t.Context())
		}
		if len(warnings) != want {
			t.Errorf("timestamp query %q: got the warnings %q, want %d", timestampQuery, warnings, want)
		}
	}
}
