package query

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

var byLabels = Labels{NamespaceLabel: "namespace", NameLabel: "name"}

// whole is Prometheus's answer of those series, with its clock.
func whole(series ...string) string {
	return `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(append(series, clock), ",") + `]}}`
}

// What an answer says of a workload.
func TestMember(t *testing.T) {
	now := time.UnixMilli(1700000000000)
	sampled := time.UnixMilli(1699999999500)
	histogram := strings.Replace(seriesOf("value", "a", "1"), `"value":[1700000000,"1"]`, `"histogram":[1700000000,{"count":"1","sum":"1"}]`, 1)
	for _, c := range []struct {
		name       string
		body       string
		zero       bool
		newest, at sample.Outcome
		value      float64
		timestamp  time.Time
		err        string
	}{
		{name: "a value", body: whole(member("a", "3"), member("b", "4")), newest: sample.Value, at: sample.Value, value: 3, timestamp: sampled},
		{name: "a value, zero makes no difference", body: whole(member("a", "3")), zero: true, newest: sample.Value, at: sample.Value, value: 3, timestamp: sampled},
		{name: "missing", body: whole(member("b", "4")), newest: sample.NoData, at: sample.NoData},
		{name: "missing is zero", body: whole(member("b", "4")), zero: true, newest: sample.Value, at: sample.Value, timestamp: now},
		{name: "nothing at all is zero", body: whole(), zero: true, newest: sample.Value, at: sample.Value, timestamp: now},
		{name: "missing, but a series has no name", body: whole(member("", "4")), zero: true, newest: sample.NoData, at: sample.NoData},
		{name: "missing, with a warning", body: strings.Replace(whole(), `"data"`, `"warnings":["a store is away"],"data"`, 1), zero: true, newest: sample.NoData, at: sample.NoData},
		{name: "only a time", body: whole(seriesOf("time", "a", "1699999999.5")), newest: sample.NoData, at: sample.NoData},
		{name: "only a time is zero at that time", body: whole(seriesOf("time", "a", "1699999999.5")), zero: true, newest: sample.Value, at: sample.Value, timestamp: sampled},
		{name: "only a time from the future", body: whole(seriesOf("time", "a", "1700000060")), zero: true, newest: sample.Future, at: sample.Value, timestamp: now.Add(time.Minute)},
		{name: "no time", body: whole(seriesOf("value", "a", "3")), newest: sample.Failed, at: sample.Value, value: 3, err: "gives no time for n/a"},
		{name: "two times", body: whole(member("a", "3"), seriesOf("time", "a", "1")), newest: sample.Failed, at: sample.Value, value: 3, err: "gives 2 times for n/a"},
		{name: "two values", body: whole(member("a", "3"), member("a", "4")), newest: sample.ManySeries, at: sample.ManySeries},
		{name: "two values are not zero", body: whole(member("a", "3"), member("a", "4")), zero: true, newest: sample.ManySeries, at: sample.ManySeries},
		{name: "NaN", body: whole(member("a", "NaN")), newest: sample.Value, at: sample.NotANumber, timestamp: sampled},
		{name: "-Inf", body: whole(member("a", "-Inf")), newest: sample.Value, at: sample.NotANumber, timestamp: sampled},
		{name: "native histogram", body: whole(histogram, seriesOf("time", "a", "1699999999.5")), newest: sample.Value, at: sample.Failed, timestamp: sampled, err: "histogram_count()"},
		{name: "from the future", body: whole(seriesOf("value", "a", "3"), seriesOf("time", "a", "1700000060")), newest: sample.Future, at: sample.Value, value: 3, timestamp: now.Add(time.Minute)},
		{name: "no time since 1970", body: whole(seriesOf("value", "a", "3"), seriesOf("time", "a", "-1")), newest: sample.Failed, at: sample.Value, value: 3, err: "no time in seconds since 1970"},
		{name: "NaN as a time", body: whole(seriesOf("value", "a", "3"), seriesOf("time", "a", "NaN")), newest: sample.NotANumber, at: sample.Value, value: 3},
		{name: "not Prometheus's clock", body: none, zero: true, newest: sample.Failed, at: sample.Failed, err: "without Prometheus's clock"},
		{name: "series not asked for", body: whole(seriesOf("other", "a", "3")), newest: sample.Failed, at: sample.Failed, err: "not asked for"},
		{name: "a scalar", body: noon, newest: sample.Failed, at: sample.Failed, err: "gives a scalar: want an instant vector whose labels name the workloads"},
		{name: "no Prometheus", body: "<html>", zero: true, newest: sample.Failed, at: sample.Failed, err: "bad_response"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := NewShared(newAPI(t, answer(200, c.body)), Options{Query: "q", TimestampQuery: "t", Zero: c.zero, Warn: func(string) {}}, byLabels, time.Hour)
			m := s.Reader(Key{"n", "a"})
			newest := m.Newest(t.Context())
			at := m.At(t.Context(), newest)
			if newest.Outcome != c.newest || at.Outcome != c.at {
				t.Fatalf("got %+v and %+v, want %s and %s", newest, at, c.newest, c.at)
			}
			if !newest.Timestamp.Equal(c.timestamp) || newest.Timestamp != at.Timestamp || newest.Now != at.Now {
				t.Errorf("got %+v and %+v, want both of %s", newest, at, c.timestamp)
			}
			if newest.Outcome != sample.Failed && (newest.Now.Before(now) || newest.Now.After(now.Add(time.Minute))) {
				t.Errorf("Prometheus's clock says %s, not about %s", newest.Now, now)
			}
			if at.Outcome == sample.Value && (at.Value != c.value || at.Empty != (c.value == 0)) {
				t.Errorf("got %+v, want %v", at, c.value)
			}
			for _, err := range []error{newest.Err, at.Err} {
				if err != nil && newest.Outcome == at.Outcome && !strings.Contains(err.Error(), c.err) {
					t.Errorf("got the error %q, want %q", err, c.err)
				}
			}
		})
	}
}

func TestKeys(t *testing.T) {
	api := newAPI(t, answer(200, whole(
		member("b", "1"), member("a", "1"), member("a", "2"), seriesOf("time", "c", "1"),
		member("", "1"), member("../../secrets", "1"), member("B", "1"),
	)))
	for _, c := range []struct {
		name   string
		labels Labels
		want   Members
	}{
		{"labels", byLabels, Members{Keys: []Key{{"n", "a"}, {"n", "b"}}, Unnamed: 3, Repeated: 1}},
		{"one namespace", Labels{Namespace: "fixed", NameLabel: "name"}, Members{Keys: []Key{{"fixed", "a"}, {"fixed", "b"}}, Unnamed: 3, Repeated: 1}},
		{"other labels", Labels{NamespaceLabel: "name", NameLabel: "namespace"}, Members{Keys: []Key{{"a", "n"}, {"b", "n"}}, Unnamed: 3, Repeated: 1}},
		{"no such label", Labels{NamespaceLabel: "exported_namespace", NameLabel: "name"}, Members{Unnamed: 6}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := NewShared(api, Options{Query: "q", TimestampQuery: "t"}, c.labels, time.Hour).Keys(t.Context())
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, %v; want %+v", got, err, c.want)
			}
		})
	}
	if got := (Key{"n", "a"}).String(); got != "n/a" {
		t.Errorf("got %s", got)
	}
}

func TestTooManyMembers(t *testing.T) {
	for n, want := range map[int]string{MaxMembers: "", MaxMembers + 1: "its labels name 10001 workloads, and 10000 is the most"} {
		var series []string
		for i := range n {
			series = append(series, member(fmt.Sprintf("w%d", i), "1"))
		}
		s := NewShared(newAPI(t, answer(200, whole(series...))), Options{Query: "q"}, byLabels, time.Hour)
		members, err := s.Keys(t.Context())
		if want == "" && (err != nil || len(members.Keys) != n) {
			t.Errorf("got %d keys, %v; want %d", len(members.Keys), err, n)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want) || members.Keys != nil) {
			t.Errorf("got %d keys and the error %v, want %q", len(members.Keys), err, want)
		}
	}
}

func TestCombinedRequest(t *testing.T) {
	want := "label_replace(\nload # a comment\n, \"__camunda_scaler__\", \"value\", \"\", \"\")" +
		" or label_replace(\ntimestamp(\nload # a comment\n)\n, \"__camunda_scaler__\", \"time\", \"\", \"\")" +
		" or label_replace(\nvector(0)\n, \"__camunda_scaler__\", \"now\", \"\", \"\")"
	s := NewShared(fake{want: whole(member("a", "3"))}.api(t), Options{Query: "load # a comment"}, byLabels, time.Hour)
	if got := s.Reader(Key{"n", "a"}).Newest(t.Context()); got.Outcome != sample.Value {
		t.Errorf("got %+v", got)
	}
}

// Prometheus refuses a query that nobody wrote; what is said is about theirs.
func TestRefusedInItsOwnWords(t *testing.T) {
	refused := `{"status":"error","errorType":"bad_data","error":"2:1: in label_replace"}`
	for _, c := range []struct {
		name    string
		answers map[string]string
		want    string
		cause   Cause
	}{
		{"the query", map[string]string{"q": strings.Replace(refused, "2:1: in label_replace", "1:1: a brace", 1)}, "query q: bad_data: 1:1: a brace", CauseBadQuery},
		{"the timestamp query", map[string]string{"q": none, "t": strings.Replace(refused, "2:1: in label_replace", "1:1: a brace", 1)}, "query t: bad_data: 1:1: a brace", CauseBadQuery},
		{"a scalar", map[string]string{"q": none, "t": noon}, "query t gives a scalar: want an instant vector whose labels name the workloads", CauseResult},
		{"only together", map[string]string{"q": none, "t": none}, "in label_replace", CauseBadQuery},
	} {
		t.Run(c.name, func(t *testing.T) {
			api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				r.ParseForm()
				body, ok := c.answers[r.Form.Get("query")]
				if !ok {
					body = refused
				}
				answer(map[bool]int{true: 400, false: 200}[strings.Contains(body, "bad_data")], body)(w, r)
			})
			_, err := NewShared(api, Options{Query: "q", TimestampQuery: "t"}, byLabels, time.Hour).Keys(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || CauseOf(err) != c.cause {
				t.Errorf("got %v (%s), want %s (%s)", err, CauseOf(err), c.want, c.cause)
			}
		})
	}
}

func TestUnknownAgeOfManyIsSaidOnce(t *testing.T) {
	now := func(name string) string {
		return seriesOf("value", name, "1") + "," + seriesOf("time", name, "1700000000")
	}
	for _, c := range []struct {
		name, body, timestamp string
		want                  int
	}{
		{"all of the evaluation's time", whole(now("a"), now("b")), "", 1},
		{"a time is told", whole(now("a")), "t", 0},
		{"one is older", whole(now("a"), member("b", "1")), "", 0},
		{"none", whole(), "", 0},
	} {
		var warnings []string
		s := NewShared(newAPI(t, answer(200, c.body)), Options{Query: "q", TimestampQuery: c.timestamp, Warn: func(w string) { warnings = append(warnings, w) }}, byLabels, 0)
		for range 5 {
			s.Keys(t.Context())
		}
		if len(warnings) != c.want {
			t.Errorf("%s: got the warnings %q, want %d", c.name, warnings, c.want)
		}
	}
}

// instant is a Prometheus that takes a while to answer, or fails.
type instant struct {
	v1.API
	asked atomic.Int64
	takes time.Duration
	err   error
}

func (p *instant) Query(ctx context.Context, _ string, _ time.Time, _ ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
	p.asked.Add(1)
	select {
	case <-ctx.Done():
		return nil, nil, nil, ctx.Err()
	case <-time.After(p.takes):
	}
	if p.err != nil {
		return nil, nil, nil, p.err
	}
	now := model.TimeFromUnixNano(time.Now().UnixNano())
	one := func(kind string, value float64) *model.Sample {
		return &model.Sample{Metric: model.Metric{part: model.LabelValue(kind), "namespace": "n", "name": "a"}, Value: model.SampleValue(value), Timestamp: now}
	}
	return model.Vector{one(partValue, 3), one(partTime, float64(now)/1000-1), one(partNow, 0)}, nil, nil, nil
}

// A thousand members, all at once and again and again, are one request per age;
// if it fails, too.
func TestMembersShareARequest(t *testing.T) {
	for name, err := range map[string]error{"answer": nil, "failure": &v1.Error{Type: v1.ErrServer, Msg: "boom"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				prom := &instant{takes: 2 * time.Second, err: err}
				s := NewShared(prom, Options{Query: "q"}, byLabels, 500*time.Millisecond)
				everybody := func() {
					t.Helper()
					var all sync.WaitGroup
					for range 1000 {
						all.Go(func() {
							m := s.Reader(Key{"n", "a"})
							newest := m.Newest(t.Context())
							got := m.At(t.Context(), newest)
							if err == nil && (got.Outcome != sample.Value || got.Value != 3) || err != nil && (got.Outcome != sample.Failed || CauseOf(newest.Err) != CauseServer) {
								t.Errorf("got %+v", got)
							}
						})
					}
					all.Wait()
				}
				want := func(requests int64) {
					t.Helper()
					if got := prom.asked.Load(); got != requests {
						t.Errorf("%d requests, want %d", got, requests)
					}
				}
				everybody()
				want(1)
				time.Sleep(499 * time.Millisecond)
				everybody()
				want(1)
				time.Sleep(time.Millisecond)
				everybody()
				want(2)
			})
		})
	}
}

// Whoever asks for all and is cancelled fails alone; whoever waits and is
// cancelled does not wait on.
func TestCancelledCallersFailAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prom := &instant{takes: 2 * time.Second}
		s := NewShared(prom, Options{Query: "q"}, byLabels, 500*time.Millisecond)
		first, cancelFirst := context.WithCancel(t.Context())
		second, cancelSecond := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancelSecond()
		start := time.Now()
		outcome := func(ctx context.Context, want sample.Outcome, after time.Duration) func() {
			return func() {
				if got := s.Reader(Key{"n", "a"}).Newest(ctx); got.Outcome != want || time.Since(start) != after {
					t.Errorf("after %s got %+v, want %s after %s", time.Since(start), got, want, after)
				}
			}
		}
		var all sync.WaitGroup
		all.Go(outcome(first, sample.Failed, time.Second))
		synctest.Wait()
		all.Go(outcome(second, sample.Failed, 1500*time.Millisecond))
		synctest.Wait()
		all.Go(outcome(t.Context(), sample.Value, 3500*time.Millisecond)) // at worst after the two others
		time.Sleep(time.Second)
		cancelFirst()
		all.Wait()
		if got := prom.asked.Load(); got != 3 {
			t.Errorf("%d requests, want one each", got)
		}
	})
}

// A kept answer's sample gets older, and its value stays that of its time.
func TestKeptAnswersAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewShared(&instant{}, Options{Query: "q"}, byLabels, 500*time.Millisecond)
		m := s.Reader(Key{"n", "a"})
		first := m.Newest(t.Context())
		time.Sleep(400 * time.Millisecond)
		second := m.Newest(t.Context())
		if first.Age() != time.Second || second.Age() != 1400*time.Millisecond || first.Timestamp != second.Timestamp {
			t.Errorf("got %+v, then %+v: want the same sample, 400ms older", first, second)
		}
		time.Sleep(200 * time.Millisecond)
		other := s.Reader(Key{"n", "b"}).Newest(t.Context()) // another's look
		if other.Outcome != sample.NoData {
			t.Errorf("got %+v", other)
		}
		if got := m.At(t.Context(), second); got.Outcome != sample.Value || got.Timestamp != second.Timestamp || got.Now != second.Now {
			t.Errorf("got %+v, want that of %+v", got, second)
		}
	})
}

func TestAtWithoutNewest(t *testing.T) {
	m := NewShared(&instant{}, Options{Query: "q"}, byLabels, time.Hour).Reader(Key{"n", "a"})
	if got := m.At(t.Context(), sample.Result{}); got.Outcome != sample.Failed || got.Err == nil {
		t.Errorf("got %+v, want a failure", got)
	}
}

// What is kept is of the last answer, however many workloads came and went.
func TestMemoryIsOfTheLastAnswer(t *testing.T) {
	var n atomic.Int64
	s := NewShared(newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		answer(200, whole(member(fmt.Sprintf("w%d", n.Add(1)), "1")))(w, r)
	}), Options{Query: "q"}, byLabels, 0)
	before := runtime.NumGoroutine()
	for range 200 {
		if members, err := s.Keys(t.Context()); err != nil || len(members.Keys) != 1 || len(s.last.Load().samples) != 1 {
			t.Fatalf("got %+v, %v and %d samples, want one", members, err, len(s.last.Load().samples))
		}
	}
	if after := runtime.NumGoroutine(); after > before+4 { // a connection's
		t.Errorf("%d goroutines after, %d before", after, before)
	}
}
