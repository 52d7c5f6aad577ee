package query

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// FuzzAnswer: whatever Prometheus answers, by any status, no reader panics; a
// value is a finite number, and the number that the answer has.
func FuzzAnswer(f *testing.F) {
	for _, result := range []string{
		`"vector","result":[{"metric":{},"value":[1,"1"]}]`,
		`"vector","result":[{"metric":{},"value":[1]}]`,
		`"vector","result":[{"metric":{}}]`,
		`"vector","result":[null]`,
		`"vector","result":[]`,
		`"vector","result":[{"metric":{},"value":[1,"1"]},{"metric":{"a":"b"},"value":[1,"1"]}]`,
		`"vector","result":[{"histogram":[1,{"buckets":[[]]}]}]`,
		`"vector","result":[{"histogram":[1,{"count":"1","sum":"1"}],"value":[1,"1"]}]`,
		`"scalar","result":[1,"NaN"]`,
		`"scalar","result":[1]`,
		`"matrix","result":[{"values":[[1,"1"]]}]`,
		`"string","result":[1,"1"]`,
		`"vector","result":[` + member("a", "3") + `]`,
		`"vector","result":[` + member("a", "3") + "," + clock + `]`,
		`"vector","result":[` + member("a", "3") + "," + member("a", "4") + "," + clock + `]`,
		`"vector","result":[` + member("a", "Inf") + "," + member("b", "0x1p3") + "," + clock + `]`,
	} {
		f.Add(200, []byte(`{"status":"success","data":{"resultType":`+result+`}}`))
	}
	f.Add(200, []byte(`{"data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]}]}}`))
	f.Add(400, []byte(`{"status":"error","errorType":"bad_data","error":"no"}`))
	f.Add(204, []byte(nil))
	f.Add(403, []byte(`{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		answer := roundTripFunc(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Request: r, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body))}, nil
		})
		api, err := promapi.New(&url.URL{Scheme: "http", Host: "prometheus"}, &http.Client{Transport: answer}, promapi.Load{})
		if err != nil {
			t.Fatal(err)
		}
		told := numbers(status, body)
		check := func(name string, res sample.Result, numbers []float64) {
			if res.Outcome == sample.Value && (math.IsNaN(res.Value) || math.IsInf(res.Value, 0)) {
				t.Errorf("%s: %v passes as a value", name, res.Value)
			}
			if (res.Outcome == sample.Failed) != (res.Err != nil) {
				t.Errorf("%s: %+v: an error without a failure or the other way round", name, res)
			}
			if res.Outcome == sample.Value && !(len(numbers) == 1 && numbers[0] == res.Value) {
				t.Errorf("%s: got %v, but the answer has %v", name, res.Value, numbers)
			}
		}
		for _, zero := range []bool{false, true} {
			o := Options{Query: "x", Zero: zero, Warn: func(string) {}}
			check("a number", NewNumber(api, "x", func(string) {}).Now(t.Context()), told[""])
			one := New(api, o).Reader(Key{}).Read(t.Context())
			if !one.Empty {
				check("of one", one, told[partValue])
			} else if !zero || len(told[partValue]) > 0 {
				t.Errorf("%s is taken for an empty answer", body)
			}

			s := NewShared(api, o, Labels{Namespace: "n", NameLabel: "name"}, time.Hour)
			many := s.Reader(Key{"n", "a"}).Read(t.Context())
			if members, err := s.Members(t.Context()); err != nil && (many.Outcome != sample.Failed || len(members.Keys) > 0) {
				t.Errorf("got %+v and %+v in spite of %v", many, members, err)
			}
			if !many.Empty {
				check("of many", many, told["name a"])
			} else if !zero || len(told["name a"]) > 0 {
				t.Errorf("%s is taken for an empty answer", body)
			}
		}
	})
}

// numbers reads an answer by other means: all its numbers under "", those that
// are marked as values under partValue and under their workload's name; nil if
// it is no successful answer.
func numbers(status int, body []byte) map[string][]float64 {
	var answer struct {
		Status string
		Data   struct {
			ResultType string
			Result     json.RawMessage
		}
	}
	if status/100 != 2 || json.Unmarshal(body, &answer) != nil || answer.Status != "success" {
		return nil
	}
	told := map[string][]float64{}
	add := func(name string, pair []any) {
		number := math.NaN()
		if len(pair) == 2 {
			if s, ok := pair[1].(string); ok {
				if n, err := strconv.ParseFloat(s, 64); err == nil {
					number = n
				}
			}
		}
		told[name] = append(told[name], number)
	}
	switch answer.Data.ResultType {
	case "scalar":
		var pair []any
		if json.Unmarshal(answer.Data.Result, &pair) != nil {
			return nil
		}
		add("", pair)
	case "vector":
		var series []struct {
			Metric map[string]string
			Value  []any
		}
		if json.Unmarshal(answer.Data.Result, &series) != nil {
			return nil
		}
		for _, s := range series {
			add("", s.Value)
			if s.Metric[part] == partValue {
				add(partValue, s.Value)
				if name := s.Metric["name"]; name != "" {
					add("name "+name, s.Value)
				}
			}
		}
	}
	return told
}

func member(name, value string) string {
	return seriesOf("value", name, value) + "," + seriesOf("time", name, "1699999999.5")
}

func seriesOf(kind, name, value string) string {
	return `{"metric":{"` + part + `":"` + kind + `","namespace":"n","name":"` + name + `"},"value":[1700000000,"` + value + `"]}`
}

const clock = `{"metric":{"` + part + `":"now"},"value":[1700000000,"0"]}`

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
