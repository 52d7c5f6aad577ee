package download

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/replay"
)

// stored is a Prometheus that has one series of each name.
type stored struct {
	v1.API
	series   map[string][]model.SamplePair // a NaN ends the series
	gone     func(at model.Time) bool
	requests int
	fail     func(request int, r v1.Range) error
}

func (s *stored) QueryRange(_ context.Context, text string, r v1.Range, _ ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
	s.requests++
	if n := r.End.Sub(r.Start)/r.Step + 1; n > 11_000 {
		return nil, nil, nil, &v1.Error{Type: v1.ErrBadData, Msg: fmt.Sprintf("%d points", n)}
	}
	if s.fail != nil {
		if err := s.fail(s.requests, r); err != nil {
			return nil, nil, nil, err
		}
	}
	name, times := strings.CutPrefix(text, "timestamp(\n")
	name = strings.TrimSuffix(name, "\n)")
	samples := s.series[name]
	stream := &model.SampleStream{Metric: model.Metric{"name": "web", "namespace": "bpm"}}
	i := 0
	for at := r.Start; !at.After(r.End); at = at.Add(r.Step) {
		now := model.TimeFromUnixNano(at.UnixNano())
		for i < len(samples) && !samples[i].Timestamp.After(now) {
			i++
		}
		if i == 0 || now.Sub(samples[i-1].Timestamp) >= 5*time.Minute || s.gone != nil && s.gone(now) {
			continue
		}
		v := samples[i-1].Value
		if times {
			v = model.SampleValue(samples[i-1].Timestamp) / 1000
		}
		stream.Values = append(stream.Values, model.SamplePair{Timestamp: now, Value: v})
	}
	if len(stream.Values) == 0 {
		return model.Matrix{}, nil, nil, nil
	}
	return model.Matrix{stream, {Metric: model.Metric{"name": "other", "namespace": "bpm"}, Values: stream.Values}}[:1+s.others()], nil, nil, nil
}

func (s *stored) others() int {
	if _, ok := s.series["of a group"]; ok {
		return 1
	}
	return 0
}

// all are the observations of a stream.
func all(t *testing.T, s replay.Stream) (o []replay.Observation) {
	t.Helper()
	if err := s.Each(func(batch []replay.Observation) error { o = append(o, batch...); return nil }); err != nil {
		t.Fatal(err)
	}
	return o
}

var from = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// samplesEvery are samples so far apart, with jitter.
func samplesEvery(every, jitter, d time.Duration) (samples []model.SamplePair) {
	random := rand.New(rand.NewPCG(1, 2))
	for at := from.Add(-every); at.Before(from.Add(d)); at = at.Add(every) {
		late := time.Duration(0)
		if jitter > 0 {
			late = time.Duration(random.Int64N(int64(jitter))).Truncate(time.Millisecond)
		}
		samples = append(samples, model.SamplePair{Timestamp: model.TimeFromUnixNano(at.Add(late).UnixNano()), Value: model.SampleValue(random.IntN(1000))})
	}
	return samples
}

func request(s *stored, queries ...config.Query) Request {
	t := config.Target{Name: "camunda", Interval: 10 * time.Second, Policy: decide.DefaultPolicy(), Queries: queries}
	return Request{API: s, Target: t, From: from, To: from.Add(6 * time.Hour), Given: [2]string{"-6h", "now"}}
}

// Every sample comes with its own time and value, whatever the spacing, and can
// be read from its own time on.
func TestDownloadedSamplesHaveTheirOwnTimes(t *testing.T) {
	for _, every := range []time.Duration{5 * time.Second, 10 * time.Second, 15 * time.Second, time.Minute} {
		for _, jitter := range []time.Duration{0, 300 * time.Millisecond} {
			t.Run(fmt.Sprint(every, jitter), func(t *testing.T) {
				s := &stored{series: map[string][]model.SamplePair{"load": samplesEvery(every, jitter, 6*time.Hour)}}
				r, err := request(s, config.Query{PromQL: "load"}).Into(t.Context(), filepath.Join(t.TempDir(), "cache"))
				if err != nil {
					t.Fatal(err)
				}
				got, want := all(t, r), s.series["load"]
				if jitter == 0 {
					want = want[1:] // the one at the start is the newest there
				}
				if len(got) < len(want)-1 {
					t.Fatalf("got %d samples, want %d", len(got), len(want))
				}
				for i, o := range got {
					w := want[i]
					if at := w.Timestamp.UnixNano(); o.At != at || o.Value != float64(w.Value) || o.Seen != max(at, from.UnixNano()) {
						t.Fatalf("sample %d: got %+v, want %v", i, o, w)
					}
				}
				if !r.From.Equal(from) || !r.To.Equal(from.Add(6*time.Hour)) {
					t.Errorf("got %s to %s", r.From, r.To)
				}
			})
		}
	}
}

// What is no number stays that, as long as it was so.
func TestDownloadOfWhatIsNoNumber(t *testing.T) {
	s := &stored{series: map[string][]model.SamplePair{"load": samplesEvery(10*time.Second, 0, 6*time.Hour)}}
	hour := model.TimeFromUnixNano(from.Add(time.Hour).UnixNano())
	s.gone = func(at model.Time) bool { return at >= hour && at < hour+60_000 }
	r, err := request(s, config.Query{PromQL: "load"}).Into(t.Context(), filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	nothing := 0
	for _, o := range all(t, r) {
		if o.Kind == replay.Nothing {
			nothing++
			if at := from.Add(time.Hour).UnixNano(); o.Seen != at {
				t.Errorf("no data since %d, want %d", o.Seen, at)
			}
		}
	}
	if nothing != 1 {
		t.Errorf("got %d observations without data, want one", nothing)
	}
	for name, q := range map[string]config.Query{
		"a value without a time": {PromQL: "load", Timestamp: "timestamp(\nnone\n)"},
		"several series":         {PromQL: "load"},
	} {
		if name == "several series" {
			s.series["of a group"] = nil
		}
		r, err := request(s, q).Into(t.Context(), filepath.Join(t.TempDir(), "cache"))
		if err != nil {
			t.Fatal(err)
		}
		if o := all(t, r); o[0].Kind == replay.Value {
			t.Errorf("%s: got %+v", name, o[0])
		}
	}
	// The series of one workload of a group.
	d := request(s, config.Query{PromQL: "load"})
	d.Target.Group, d.Key = &config.Group{NamespaceLabel: "namespace", NameLabel: "name"}, query.Key{Namespace: "bpm", Name: "web"}
	if r, err = d.Into(t.Context(), filepath.Join(t.TempDir(), "cache")); err != nil || all(t, r)[0].Kind != replay.Value {
		t.Errorf("a group's workload: got %v", err)
	}
}

// A query that does not tell its samples' age is evaluated once an interval,
// when a loop that starts with the recording would take the answer.
func TestDownloadOfSamplesWithoutAnAge(t *testing.T) {
	s := &stored{series: map[string][]model.SamplePair{"sum(load)": samplesEvery(time.Second, 0, 6*time.Hour)}}
	r, err := request(s, config.Query{PromQL: "sum(load)"}).Into(t.Context(), filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range all(t, r) {
		if want := from.Add(time.Duration(i)*10*time.Second - time.Second).UnixNano(); o.Seen != want || o.At != 0 {
			t.Fatalf("observation %d: got %+v, want seen at %d", i, o, want)
		}
	}
}

// An interrupted download is completed by the same command: the file is then as
// if it had never been interrupted, and nothing is asked twice.
func TestDownloadResumes(t *testing.T) {
	pause = time.Millisecond
	s := &stored{series: map[string][]model.SamplePair{"load": samplesEvery(10*time.Second, 200*time.Millisecond, 48*time.Hour), "replicas": samplesEvery(30*time.Second, 0, 48*time.Hour)}}
	d := request(s, config.Query{PromQL: "load"})
	d.To, d.Replicas = from.Add(48*time.Hour), "replicas"
	dir := t.TempDir()
	if _, err := d.Into(t.Context(), filepath.Join(dir, "whole")); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(dir, "whole"))
	if err != nil {
		t.Fatal(err)
	}
	needed := s.requests
	s.requests = 0
	broken := 0
	for n := 3; ; n += 4 {
		s.fail = func(request int, _ v1.Range) error {
			if request == n {
				broken++
				return &v1.Error{Type: v1.ErrBadData, Msg: "no"}
			}
			return nil
		}
		_, err := d.Into(t.Context(), filepath.Join(dir, "parts"))
		if err == nil {
			break
		}
		if !strings.Contains(err.Error(), "the same command continues there if --cache names the file") {
			t.Fatal(err)
		}
		// As if the program was killed while it wrote.
		f, _ := os.OpenFile(filepath.Join(dir, "parts"), os.O_APPEND|os.O_WRONLY, 0)
		fmt.Fprint(f, "1767571200.5,,17675")
		f.Close()
	}
	parts, err := os.ReadFile(filepath.Join(dir, "parts"))
	if err != nil || string(parts) != string(whole) {
		t.Errorf("the resumed file differs (%d bytes and %d, %v)", len(parts), len(whole), err)
	}
	if broken < 2 || s.requests > needed+4*broken {
		t.Errorf("%d requests with %d interruptions, %d without", s.requests, broken, needed)
	}
	s.requests = 0
	if _, err := d.Into(t.Context(), filepath.Join(dir, "parts")); err != nil || s.requests > 0 {
		t.Errorf("a complete file took %d requests: %v", s.requests, err)
	}
}

// A server that fails is asked again; one that refuses long ranges is asked for
// shorter ones.
func TestDownloadRetries(t *testing.T) {
	pause = time.Millisecond
	s := &stored{series: map[string][]model.SamplePair{"load": samplesEvery(10*time.Second, 0, 6*time.Hour)}}
	s.fail = func(request int, r v1.Range) error {
		switch {
		case request%3 == 0:
			return &v1.Error{Type: v1.ErrServer, Msg: "busy"}
		case r.End.Sub(r.Start) > time.Hour:
			return &v1.Error{Type: v1.ErrExec, Msg: "query processing would load too many samples into memory"}
		}
		return nil
	}
	r, err := request(s, config.Query{PromQL: "load"}).Into(t.Context(), filepath.Join(t.TempDir(), "cache"))
	if err != nil || r.Samples != 2160 {
		t.Errorf("got %+v, %v", r, err)
	}
	s.fail = func(int, v1.Range) error { return &v1.Error{Type: v1.ErrServer, Msg: "down"} }
	s.requests = 0
	_, err = request(s, config.Query{PromQL: "load"}).Into(t.Context(), filepath.Join(t.TempDir(), "cache"))
	if err == nil || !strings.Contains(err.Error(), "down") || s.requests != attempts {
		t.Errorf("got %v after %d requests", err, s.requests)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = request(s, config.Query{PromQL: "load"}).Into(ctx, filepath.Join(t.TempDir(), "cache")); err == nil {
		t.Error("no error from a cancelled download")
	}
}

func TestACacheOfSomethingElseIsRefused(t *testing.T) {
	s := &stored{series: map[string][]model.SamplePair{"load": samplesEvery(10*time.Second, 0, 6*time.Hour)}}
	path := filepath.Join(t.TempDir(), "cache")
	if _, err := request(s, config.Query{PromQL: "load"}).Into(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	other := request(s, config.Query{PromQL: "load", Timestamp: "x"})
	later := request(s, config.Query{PromQL: "load"})
	later.Given[0] = "-1d"
	csv := filepath.Join(t.TempDir(), "x.csv")
	if err := os.WriteFile(csv, []byte("time,value\n1,1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		d    Request
		path string
		want string
	}{
		"other queries": {other, path, "was downloaded for target camunda with other queries"},
		"another time":  {later, path, "was downloaded with --from=-6h --to=now"},
		"another file":  {later, csv, "is no file of a download: name another file by --cache, or read this one by --file"},
	} {
		t.Run(name, func(t *testing.T) {
			before, _ := os.ReadFile(c.path)
			_, err := c.d.Into(t.Context(), c.path)
			if after, _ := os.ReadFile(c.path); err == nil || !strings.Contains(err.Error(), c.want) || string(after) != string(before) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
