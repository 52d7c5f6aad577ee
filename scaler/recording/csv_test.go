package recording

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/replay"
)

// write writes a file for a test.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// all are the observations of a stream.
func all(t *testing.T, s replay.Stream) (o []replay.Observation) {
	t.Helper()
	if err := s.Each(func(batch []replay.Observation) error { o = append(o, batch...); return nil }); err != nil {
		t.Fatal(err)
	}
	return o
}

const second = 1_000_000_000

func TestCSV(t *testing.T) {
	one, two := []string{""}, []string{"lag", "a, b"}
	for _, c := range []struct {
		name, text string
		triggers   []string
		want       []replay.Observation
		err        string
	}{
		{"time and value", "time,value\n1700000000,42\n2023-11-14T22:13:30Z,4.5\n", one, []replay.Observation{
			{Seen: 1700000000 * second, At: 1700000000 * second, Value: 42},
			{Seen: 1700000010 * second, At: 1700000010 * second, Value: 4.5},
		}, ""},
		{"milliseconds", "Time, Value\n1700000000123,1\n", one, []replay.Observation{{Seen: 1700000000123 * 1e6, At: 1700000000123 * 1e6, Value: 1}}, ""},
		{"what is no number", "seen,time,value\n1700000000,1699999999,NaN\n1700000001,,no_data\n1700000002,,many_series\n1700000003,,unusable\n1700000004,,7\n", one, []replay.Observation{
			{Seen: 1700000000 * second, At: 1699999999 * second, Value: math.NaN()},
			{Seen: 1700000001 * second, Kind: replay.Nothing},
			{Seen: 1700000002 * second, Kind: replay.Many, Value: 2},
			{Seen: 1700000003 * second, Kind: replay.Unusable},
			{Seen: 1700000004 * second, Value: 7},
		}, ""},
		{"triggers", "time,trigger,value\n1700000000,lag,1\n1700000000,\"a, b\",2\n1700000001,@replicas,3\n1700000002,@max_replicas,4\n", two, []replay.Observation{
			{Seen: 1700000000 * second, At: 1700000000 * second, Value: 1},
			{Track: 1, Seen: 1700000000 * second, At: 1700000000 * second, Value: 2},
			{Track: replay.Replicas, Seen: 1700000001 * second, At: 1700000001 * second, Value: 3},
			{Track: replay.MaxReplicas, Seen: 1700000002 * second, At: 1700000002 * second, Value: 4},
		}, ""},
		{"replicas in a column", "time,value,replicas\n1700000000,42,2\n1700000010,,3\n", one, []replay.Observation{
			{Track: replay.Replicas, Seen: 1700000000 * second, At: 1700000000 * second, Value: 2},
			{Seen: 1700000000 * second, At: 1700000000 * second, Value: 42},
			{Track: replay.Replicas, Seen: 1700000010 * second, At: 1700000010 * second, Value: 3},
		}, ""},
		{"empty", "", one, nil, "file.csv: the file is empty"},
		{"no value", "time,load\n", one, nil, "file.csv:1: the first line has the columns time,load: want time and value"},
		{"order", "time,value\n1700000010,1\n1700000000,1\n", one, nil, "file.csv:3: the row is from before the last one"},
		{"time", "time,value\nyesterday,1\n", one, nil, `file.csv:2: time "yesterday": want seconds since 1970`},
		{"no time", "time,value\n,1\n", one, nil, "file.csv:2: no time"},
		{"value", "time,value\n1700000000,many\n", one, nil, `file.csv:2: value "many": want a number, or no_data`},
		{"trigger", "time,trigger,value\n1700000000,cpu,1\n", two, nil, `file.csv:2: trigger "cpu": want one of lag, a, b`},
		{"trigger of a target without", "time,trigger,value\n1700000000,cpu,1\n", one, nil, `leave the column empty`},
		{"replicas", "time,value,replicas\n1700000000,1,x\n", one, nil, `file.csv:2: replicas "x"`},
		{"columns", "time,value\n1700000000\n", one, nil, "wrong number of fields"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []replay.Observation
			err := readCSV("file.csv", strings.NewReader(c.text), c.triggers, func(batch []replay.Observation) error {
				got = append(got, batch...)
				return nil
			})
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %v, want %s", err, c.err)
				}
				return
			}
			if err != nil || !equal(got, c.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, c.want)
			}
		})
	}
}

// equal compares, with NaN as equal to itself.
func equal(a, b []replay.Observation) bool {
	plain := func(all []replay.Observation) (p []replay.Observation) {
		for _, o := range all {
			if math.IsNaN(o.Value) {
				o.Value = -12345
			}
			p = append(p, o)
		}
		return p
	}
	return reflect.DeepEqual(plain(a), plain(b))
}

// What a download writes is read as it was.
func TestRowsAreReadAsTheyWereWritten(t *testing.T) {
	triggers := []string{"lag", `a, "b"`}
	want := []replay.Observation{
		{Seen: 1700000000007 * 1e6, At: 1699999999123 * 1e6, Value: 0.1},
		{Track: 1, Seen: 1700000001 * second, At: 1700000001 * second, Value: math.Inf(1)},
		{Track: 1, Seen: 1700000002 * second, Value: 1e300},
		{Track: 1, Seen: 1700000003 * second, Kind: replay.Many, Value: 2},
		{Seen: 1700000004 * second, Kind: replay.Nothing},
		{Seen: 1700000004 * second, Kind: replay.Unusable},
		{Track: replay.Replicas, Seen: 1700000005 * second, Value: 4},
		{Track: replay.MaxReplicas, Seen: 1700000005 * second, Value: math.NaN()},
	}
	text := []byte(Header)
	for _, o := range want {
		text = AppendRow(text, o, triggers)
	}
	var got []replay.Observation
	err := readCSV("x", bytes.NewReader(text), triggers, func(batch []replay.Observation) error { got = append(got, batch...); return nil })
	if err != nil || !equal(got, want) {
		t.Errorf("got %+v, %v\nwant %+v\n%s", got, err, want, text)
	}
	for i, line := range strings.SplitAfter(strings.TrimSpace(string(text)), "\n")[1:] {
		if o, err := ParseRow(line, triggers); err != nil || !equal([]replay.Observation{o}, want[i:i+1]) {
			t.Errorf("row %d: got %+v, %v, want %+v", i, o, err, want[i])
		}
	}
	if _, err := ParseRow(Header, triggers); err == nil {
		t.Error("the header passes for an observation")
	}
}

func FuzzCSV(f *testing.F) {
	f.Add("time,value\n1700000000,42\n")
	f.Add("seen,trigger,time,value,replicas\n1700000000,lag,,no_data,1\n")
	f.Fuzz(func(t *testing.T, text string) {
		last := int64(math.MinInt64)
		_ = readCSV("x", strings.NewReader(text), []string{"lag", ""}, func(batch []replay.Observation) error {
			for _, o := range batch {
				if o.Seen < last || o.Track < replay.MaxReplicas || o.Track > 1 {
					t.Errorf("got %+v after %d", o, last)
				}
				last = o.Seen
			}
			return nil
		})
	})
}
