package query

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

var byLabels = Labels{NamespaceLabel: "namespace", NameLabel: "name"}

// whole is Prometheus's answer of those series, with its clock.
func whole(series ...string) string {
	return `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(append(series, clock), ",") + `]}}`
}

// What an answer tells of a workload, of many and of one alone.
func TestRead(t *testing.T) {
	now := time.UnixMilli(1700000000000)
	sampled := time.UnixMilli(1699999999500)
	future := now.Add(time.Minute)
	histogram := strings.Replace(seriesOf("value", "a", "1"), `"value":[1700000000,"1"]`, `"histogram":[1700000000,{"count":"1","sum":"1"}]`, 1)
	for _, c := range []struct {
		name      string
		body      string
		zero      bool
		want      sample.Outcome
		value     float64
		timestamp time.Time
		err       string
	}{
		{name: "a value", body: whole(member("a", "3")), want: sample.Value, value: 3, timestamp: sampled},
		{name: "a value, zero makes no difference", body: whole(member("a", "3")), zero: true, want: sample.Value, value: 3, timestamp: sampled},
		{name: "nothing", body: whole(), want: sample.NoData},
		{name: "nothing is zero", body: whole(), zero: true, want: sample.Value, timestamp: now},
		{name: "nothing, with a warning", body: strings.Replace(whole(), `"data"`, `"warnings":["a store is away"],"data"`, 1), zero: true, want: sample.NoData},
		{name: "only a time", body: whole(seriesOf("time", "a", "1699999999.5")), want: sample.NoData, timestamp: sampled},
		{name: "only a time is zero at that time", body: whole(seriesOf("time", "a", "1699999999.5")), zero: true, want: sample.Value, timestamp: sampled},
		{name: "only a time from the future", body: whole(seriesOf("time", "a", "1700000060")), zero: true, want: sample.Future, timestamp: future},
		{name: "no time", body: whole(seriesOf("value", "a", "3")), want: sample.Failed, err: "gives no time"},
		{name: "two times", body: whole(member("a", "3"), seriesOf("time", "a", "1")), want: sample.Failed, err: "gives 2 times"},
		{name: "two values", body: whole(member("a", "3"), member("a", "4")), want: sample.ManySeries},
		{name: "two values are not zero", body: whole(member("a", "3"), member("a", "4")), zero: true, want: sample.ManySeries},
		{name: "NaN", body: whole(member("a", "NaN")), want: sample.NotANumber, timestamp: sampled},
		{name: "-Inf", body: whole(member("a", "-Inf")), want: sample.NotANumber, timestamp: sampled},
		{name: "native histogram", body: whole(histogram, seriesOf("time", "a", "1699999999.5")), want: sample.Failed, timestamp: sampled, err: "histogram_count()"},
		{name: "from the future", body: whole(seriesOf("value", "a", "3"), seriesOf("time", "a", "1700000060")), want: sample.Future, value: 3, timestamp: future},
		{name: "no time since 1970", body: whole(seriesOf("value", "a", "3"), seriesOf("time", "a", "-1")), want: sample.Failed, err: "no time in seconds since 1970"},
		{name: "NaN as a time", body: whole(seriesOf("value", "a", "3"), seriesOf("time", "a", "NaN")), want: sample.NotANumber},
		{name: "not Prometheus's clock", body: none, zero: true, want: sample.Failed, err: "without Prometheus's clock"},
		{name: "series not asked for", body: whole(seriesOf("other", "a", "3")), want: sample.Failed, err: "not asked for"},
		{name: "a scalar", body: noon, want: sample.Failed, err: "gives a scalar: want an instant vector"},
		{name: "no Prometheus", body: "<html>", zero: true, want: sample.Failed, err: "bad_response"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Options{Query: "q", TimestampQuery: "t", Zero: c.zero, Warn: func(string) {}}
			api := newAPI(t, answering(200, c.body))
			for of, r := range map[string]*Reader{
				"one":  New(api, o).Reader(Key{}),
				"many": NewShared(api, o, byLabels, time.Hour).Reader(Key{"n", "a"}),
			} {
				got := r.Read(t.Context())
				if got.Outcome != c.want {
					t.Fatalf("%s: got %+v, want %s", of, got, c.want)
				}
				if !got.Timestamp.Equal(c.timestamp) {
					t.Errorf("%s: got %+v, want one of %s", of, got, c.timestamp)
				}
				if got.Outcome != sample.Failed && (got.Now.Before(now) || got.Now.After(future)) {
					t.Errorf("%s: Prometheus's clock is %s, not about %s", of, got.Now, now)
				}
				if got.Outcome == sample.Value && (got.Value != c.value || got.Empty != (c.value == 0) || got.Ageless != c.timestamp.Equal(now)) {
					t.Errorf("%s: got %+v, want %v", of, got, c.value)
				}
				if got.Err != nil && !strings.Contains(got.Err.Error(), c.err) {
					t.Errorf("%s: got the error %q, want %q", of, got.Err, c.err)
				}
			}
		})
	}
}

// Of many workloads, one that is missing is missing alone.
func TestReadOneOfMany(t *testing.T) {
	for _, c := range []struct {
		name, body string
		zero       bool
		want       sample.Outcome
	}{
		{"missing", whole(member("b", "4")), false, sample.NoData},
		{"missing is zero", whole(member("b", "4")), true, sample.Value},
		{"missing, but a series has no name", whole(member("", "4")), true, sample.NoData},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := NewShared(newAPI(t, answering(200, c.body)), Options{Query: "q", TimestampQuery: "t", Zero: c.zero, Warn: func(string) {}}, byLabels, time.Hour)
			if got := s.Reader(Key{"n", "a"}).Read(t.Context()); got.Outcome != c.want || got.Empty != c.zero && c.want == sample.Value {
				t.Errorf("got %+v, want %s", got, c.want)
			}
		})
	}
}

func TestKeys(t *testing.T) {
	api := newAPI(t, answering(200, whole(
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
			got, err := NewShared(api, Options{Query: "q", TimestampQuery: "t"}, c.labels, time.Hour).Members(t.Context())
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
	for n, want := range map[int]string{MaxMembers: "", MaxMembers + 1: "its labels name 10001 workloads, and 10000 is the limit"} {
		var series []string
		for i := range n {
			series = append(series, member(fmt.Sprintf("w%d", i), "1"))
		}
		s := NewShared(newAPI(t, answering(200, whole(series...))), Options{Query: "q"}, byLabels, time.Hour)
		members, err := s.Members(t.Context())
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
	s := NewShared(newFake(t, map[string]string{want: whole(member("a", "3"))}), Options{Query: "load # a comment"}, byLabels, time.Hour)
	if got := s.Reader(Key{"n", "a"}).Read(t.Context()); got.Outcome != sample.Value {
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
		cause   promapi.Cause
	}{
		{"the query", map[string]string{"q": strings.Replace(refused, "2:1: in label_replace", "1:1: a brace", 1)}, "query q: bad_data: 1:1: a brace", promapi.CauseBadQuery},
		{"the timestamp query", map[string]string{"q": none, "t": strings.Replace(refused, "2:1: in label_replace", "1:1: a brace", 1)}, "query t: bad_data: 1:1: a brace", promapi.CauseBadQuery},
		{"a scalar", map[string]string{"q": none, "t": noon}, "query t gives a scalar: want an instant vector whose labels name the workloads", promapi.CauseResult},
		{"only together", map[string]string{"q": none, "t": none}, "in label_replace", promapi.CauseBadQuery},
	} {
		t.Run(c.name, func(t *testing.T) {
			api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				r.ParseForm()
				body, ok := c.answers[r.Form.Get("query")]
				if !ok {
					body = refused
				}
				answering(map[bool]int{true: 400, false: 200}[strings.Contains(body, "bad_data")], body)(w, r)
			})
			_, err := NewShared(api, Options{Query: "q", TimestampQuery: "t"}, byLabels, time.Hour).Members(t.Context())
			if strings.Contains(fmt.Sprint(err), partNow) {
				t.Errorf("the error shows a query that no user wrote: %v", err)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || promapi.CauseOf(err) != c.cause {
				t.Errorf("got %v (%s), want %s (%s)", err, promapi.CauseOf(err), c.want, c.cause)
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
		s := NewShared(newAPI(t, answering(200, c.body)), Options{Query: "q", TimestampQuery: c.timestamp, Warn: func(w string) { warnings = append(warnings, w) }}, byLabels, 0)
		for range 5 {
			s.Members(t.Context())
		}
		if len(warnings) != c.want {
			t.Errorf("%s: got the warnings %q, want %d", c.name, warnings, c.want)
		}
	}
}

// A scalar has no labels to tell its parts apart, so it is made a vector.
func TestScalars(t *testing.T) {
	for _, c := range []struct{ name, query, timestamp, combined string }{
		{"both", "40 + 2", "time()", combine("vector(\n40 + 2\n)", "vector(\ntime()\n)")},
		{"the query alone", "40 + 2", "", combine("vector(\n40 + 2\n)", "timestamp(\nvector(\n40 + 2\n)\n)")},
		{"the time alone", "load", "time()", combine("load", "vector(\ntime()\n)")},
	} {
		t.Run(c.name, func(t *testing.T) {
			api := newFake(t, map[string]string{"40 + 2": noon, "time()": noon, "load": none, c.combined: single("42", "1699999999.5")})
			r := New(api, Options{Query: c.query, TimestampQuery: c.timestamp, Warn: func(string) {}}).Reader(Key{})
			for range 2 {
				if got := r.Read(t.Context()); got.Outcome != sample.Value || got.Value != 42 {
					t.Errorf("got %+v, want 42", got)
				}
			}
		})
	}
}

// timestamp() drops the metric's name, so Prometheus refuses the times of series
// that differ by nothing else; what is wrong is that there are several.
func TestSeriesThatDifferByNameAlone(t *testing.T) {
	two := `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"a"},"value":[1700000000,"1"]},{"metric":{"__name__":"b"},"value":[1700000000,"2"]}]}}`
	got := New(newFake(t, map[string]string{"q": two}), Options{Query: "q"}).Reader(Key{}).Read(t.Context())
	if got.Outcome != sample.ManySeries || got.Series != 2 || got.Now.IsZero() {
		t.Errorf("got %+v, want many series", got)
	}
}

const (
	none = `{"status":"success","data":{"resultType":"vector","result":[]}}`
	noon = `{"status":"success","data":{"resultType":"scalar","result":[1700000010.5,"1700000010.5"]}}`
)

// newFake answers queries by their text. What it has no answer for it refuses.
func newFake(t *testing.T, answers map[string]string) v1.API {
	return newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		if body, ok := answers[r.Form.Get("query")]; ok {
			answering(200, body)(w, r)
			return
		}
		answering(400, `{"status":"error","errorType":"bad_data","error":"2:1: in label_replace"}`)(w, r)
	})
}
