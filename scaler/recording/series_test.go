package recording

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/replay"
)

const openMetrics = `# HELP load The load.
# TYPE load gauge
load{pod="a"} 10 1700000000.000
load{pod="a"} 20 1700000010.123 # {trace="x"} 1 1700000010
load{pod="b"} 30 1700000025
other{pod="a"} 7 1700000000
camunda_scaler_replicas{target="camunda"} 2 1700000004
camunda_scaler_replicas{target="camunda"} 3 1700000012
# EOF
`

const dump = `{__name__="load", pod="b"} 30 1700000025000
{__name__="load", pod="a"} 10 1700000000000
{__name__="load", pod="a"} 20 1700000010123
{__name__="load", pod="a"} NaN 1700000012000
{__name__="camunda_scaler_replicas", target="camunda"} 2 1700000004000
{__name__="camunda_scaler_replicas", target="camunda"} 3 1700000012000
`

// Both formats give the samples of the series that the query selects, those of
// one series after those of the other, with the replicas between them.
func TestSeriesFiles(t *testing.T) {
	for name, text := range map[string]string{"OpenMetrics": openMetrics, "tsdb dump": dump} {
		t.Run(name, func(t *testing.T) {
			path := write(t, "file", text)
			if format, err := FormatOf(path); format != Samples || err != nil {
				t.Errorf("got format %v, %v", format, err)
			}
			r, err := SeriesFile{Path: path, Selectors: []string{`load{pod!=""}`}, Replicas: `camunda_scaler_replicas{target="camunda"}`}.Open()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, o := range all(t, r) {
				got = append(got, fmt.Sprintf("%d:%d@%d=%v", o.Track, o.Kind, o.Seen/1e6-1700000000000, o.Value))
			}
			want := "0:0@0=10 -1:0@4000=2 0:0@10123=20 -1:0@12000=3 0:0@25000=30"
			if name == "tsdb dump" { // which has marks of the end of series
				want = "0:0@0=10 -1:0@4000=2 0:0@10123=20 0:1@12000=NaN -1:0@12000=3 0:0@25000=30"
			}
			if strings.Join(got, " ") != want || !r.Replicas {
				t.Errorf("got %s, want %s", strings.Join(got, " "), want)
			}
		})
	}
}

// After five minutes without a sample Prometheus finds none any more.
func TestAGapInAFileIsNoData(t *testing.T) {
	path := write(t, "file", "load 1 1700000000\nload 2 1700000300\nload 3 1700000700\n")
	r, err := SeriesFile{Path: path, Selectors: []string{""}}.Open()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range all(t, r) {
		got = append(got, fmt.Sprintf("%d@%d", o.Kind, o.Seen/1e9-1700000000))
	}
	if want := "0@0 0@300 1@600 0@700"; strings.Join(got, " ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, " "), want)
	}
}

func TestSeriesFilesThatCannotBeUsed(t *testing.T) {
	for _, c := range []struct{ name, text, selector, err string }{
		{"no samples", "# EOF\n", "load", "no samples: want OpenMetrics with timestamps"},
		{"no timestamps", "load 1\n", "load", `:1: "load 1": want a series, a value and a time`},
		{"several series", openMetrics, "", "has 4 series, and the target's query is more than a selector: name the series with its result by --series"},
		{"no such series", openMetrics, "cpu", `has no series cpu: it has load{pod="a"}`},
		{"two at the same time", "load{pod=\"a\"} 1 1700000000\nload{pod=\"a\"} 1 1700000020\nload{pod=\"b\"} 1 1700000010\n", "load", `load{pod="a"} and load{pod="b"} are both of load, at the same time`},
		{"no selector", openMetrics, "sum(load)", "series sum(load): not a selector"},
		{"no series text", "load{ 1 1700000000\n", "load", ":1: not a series"},
		{"order", "load 1 1700000010\nload 1 1700000000\n", "load", "the samples of load are not in the order of their time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := SeriesFile{Path: write(t, "file", c.text), Selectors: []string{c.selector}}.Open()
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %v, want %s", err, c.err)
			}
		})
	}
}

func FuzzSeriesLine(f *testing.F) {
	for line := range strings.SplitSeq(openMetrics+dump, "\n") {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		name, at, _, err := parseLine([]byte(line))
		if err == nil && (at == math.MinInt64 || len(name) > len(line)) {
			t.Errorf("%q: got %q at %d", line, name, at)
		}
	})
}

var _ replay.Stream = (*merged)(nil)
