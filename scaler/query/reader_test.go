package query

import (
	"net/http"
	"strings"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

const (
	none  = `{"status":"success","data":{"resultType":"vector","result":[]}}`
	noon  = `{"status":"success","data":{"resultType":"scalar","result":[1700000010.5,"1700000010.5"]}}`
	seven = `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1700000010.5,"7"]}]}}`
	early = `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1700000010.5,"1700000000"]}]}}`
	two   = `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"1"},"value":[1,"1"]},{"metric":{},"value":[1,"1"]}]}}`
	nan   = `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1700000010.5,"NaN"]}]}}`
	part0 = `{"status":"success","warnings":["a store is away"],"data":{"resultType":"vector","result":[]}}`
	down  = "down"
)

// fake answers queries by their text; a query with a time by its text and "@".
type fake map[string]string

func (f fake) api(t *testing.T) v1.API {
	return newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		q := r.Form.Get("query")
		if r.Form.Get("time") != "" {
			q += "@"
		}
		switch body, ok := f[q]; {
		case !ok:
			t.Errorf("asked for %q", q)
		case body == down:
			answer(503, "down")(w, r)
		default:
			answer(200, body)(w, r)
		}
	})
}

// An empty answer, and nothing else, is 0 for whoever says so.
func TestZero(t *testing.T) {
	noonTime, earlyTime := time.UnixMilli(1700000010500), time.UnixMilli(1700000000000)
	for _, c := range []struct {
		name       string
		answers    fake
		newest, at sample.Outcome
		empty      bool
		timestamp  time.Time
		err        string
	}{
		{
			name: "empty", answers: fake{"t": none, "time()": noon, "q@": none},
			newest: sample.Value, at: sample.Value, empty: true, timestamp: noonTime,
		},
		{
			name: "a sample", answers: fake{"t": early, "q@": seven},
			newest: sample.Value, at: sample.Value, timestamp: earlyTime,
		},
		{
			name: "a time, but a filter lets nothing through", answers: fake{"t": early, "q@": none, "q": none},
			newest: sample.Value, at: sample.Value, empty: true, timestamp: earlyTime,
		},
		{
			name: "empty only at its sample's time, as an offset makes it", answers: fake{"t": early, "q@": none, "q": seven},
			newest: sample.Value, at: sample.NoData, timestamp: earlyTime,
		},
		{
			name: "empty, then Prometheus is away", answers: fake{"t": early, "q@": none, "q": down},
			newest: sample.Value, at: sample.NoData, timestamp: earlyTime,
		},
		{
			name: "a sample whose time nobody tells", answers: fake{"t": none, "time()": noon, "q@": seven},
			newest: sample.Value, at: sample.Failed, timestamp: noonTime, err: "no time of one",
		},
		{name: "Prometheus is away", answers: fake{"t": down}, newest: sample.Failed},
		{name: "away when asked for its clock", answers: fake{"t": none, "time()": down}, newest: sample.Failed},
		{
			name: "away at last", answers: fake{"t": none, "time()": noon, "q@": down},
			newest: sample.Value, at: sample.Failed, timestamp: noonTime, err: "503",
		},
		{name: "something may be missing", answers: fake{"t": part0}, newest: sample.NoData},
		{
			name: "something may be missing at last", answers: fake{"t": none, "time()": noon, "q@": part0},
			newest: sample.Value, at: sample.NoData, timestamp: noonTime,
		},
		{name: "several series", answers: fake{"t": two}, newest: sample.ManySeries},
		{name: "NaN", answers: fake{"t": early, "q@": nan}, newest: sample.Value, at: sample.NotANumber, timestamp: earlyTime},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := New(c.answers.api(t), Options{Query: "q", TimestampQuery: "t", Zero: true, Warn: func(string) {}})
			newest := r.Newest(t.Context())
			if newest.Outcome != c.newest || newest.Timestamp != c.timestamp {
				t.Fatalf("newest is %+v, want %s of %s", newest, c.newest, c.timestamp)
			}
			if newest.Outcome != sample.Value {
				return
			}
			got := r.At(t.Context(), newest)
			if got.Outcome != c.at || got.Empty != c.empty || got.Timestamp != newest.Timestamp || got.Now != newest.Now {
				t.Errorf("got %+v, want %s, empty: %v", got, c.at, c.empty)
			}
			if want := map[bool]float64{false: 7}[c.empty]; got.Outcome == sample.Value && got.Value != want {
				t.Errorf("got %v, want %v", got.Value, want)
			}
			if got.Outcome == sample.Failed && !strings.Contains(got.Err.Error(), c.err) {
				t.Errorf("got the error %q, want %q", got.Err, c.err)
			}
		})
	}
}

// Without the option an empty answer stays one, and Now never makes it 0.
func TestEmptyIsNotZero(t *testing.T) {
	api := fake{"q": none, "q@": none, "t": none}.api(t)
	r := New(api, Options{Query: "q", TimestampQuery: "t"})
	for name, got := range map[string]sample.Result{
		"newest":         r.Newest(t.Context()),
		"at":             r.At(t.Context(), sample.Result{Outcome: sample.Value, Timestamp: time.Unix(1, 0)}),
		"now":            r.Now(t.Context()),
		"now, with zero": New(api, Options{Query: "q", Zero: true}).Now(t.Context()),
	} {
		if got.Outcome != sample.NoData {
			t.Errorf("%s: got %+v, want no data", name, got)
		}
	}
}

func TestNow(t *testing.T) {
	got := New(fake{"q": seven}.api(t), Options{Query: "q"}).Now(t.Context())
	if got.Outcome != sample.Value || got.Value != 7 || !got.Timestamp.IsZero() || got.Now != time.UnixMilli(1700000010500) {
		t.Errorf("got %+v, want 7 of no known time", got)
	}
}
