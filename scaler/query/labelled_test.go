package query

import (
	"maps"
	"strings"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promapi"
)

// Of every name there is one finite number, the highest; and an answer that tells
// of nothing is an error, never the number 0.
func TestLabelled(t *testing.T) {
	for _, c := range []struct {
		name, series string
		want         map[string]float64
		err          string
	}{
		{name: "several", series: `{"metric":{"pod":"a"},"value":[1,"0"]},{"metric":{"pod":"b"},"value":[1,"2.5"]}`, want: map[string]float64{"a": 0, "b": 2.5}},
		{name: "twice", series: `{"metric":{"pod":"a","c":"1"},"value":[1,"3"]},{"metric":{"pod":"a","c":"2"},"value":[1,"1"]}`, want: map[string]float64{"a": 3}},
		{name: "one is no number", series: `{"metric":{"pod":"a"},"value":[1,"NaN"]},{"metric":{"pod":"b"},"value":[1,"1"]}`, want: map[string]float64{"b": 1}},
		{name: "one has no name", series: `{"metric":{},"value":[1,"7"]},{"metric":{"pod":"b"},"value":[1,"1"]}`, want: map[string]float64{"b": 1}},
		{name: "none", err: "query x: no series with a number"},
		{name: "no numbers", series: `{"metric":{"pod":"a"},"value":[1,"+Inf"]}`, err: "query x: no series with a number"},
		{name: "no names", series: `{"metric":{},"value":[1,"7"]}`, err: "query x: none of 1 series has the label pod"},
		{name: "histogram", series: `{"metric":{"pod":"a"},"histogram":[1,{"count":"1","sum":"1","buckets":[]}]}`, err: "native histogram"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := NewLabelled(newAPI(t, vector(c.series)), "x", "pod", func(string) {}).Now(t.Context())
			if !maps.Equal(got, c.want) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %v, %v", got, err)
			}
			if err != nil && promapi.CauseOf(err) != promapi.CauseResult {
				t.Errorf("the cause of %v is %s", err, promapi.CauseOf(err))
			}
		})
	}
	if _, err := NewLabelled(newAPI(t, answering(200, `{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}`)), "x", "pod", func(string) {}).Now(t.Context()); err == nil {
		t.Error("a scalar is no error")
	}
	if _, err := NewLabelled(newAPI(t, answering(503, "no")), "x", "pod", func(string) {}).Now(t.Context()); promapi.CauseOf(err) != promapi.CauseServer {
		t.Errorf("got %v", err)
	}
}
