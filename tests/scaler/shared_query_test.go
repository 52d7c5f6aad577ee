package scaler

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

// counted counts the requests to Prometheus.
type counted struct {
	http.Transport
	n atomic.Int64
}

func (c *counted) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.Transport.RoundTrip(r)
}

func newCountedAPI(t *testing.T, address string) (v1.API, *counted) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	c := &counted{}
	t.Cleanup(c.CloseIdleConnections)
	api, err := promapi.New(u, &http.Client{Transport: c}, promapi.Load{})
	if err != nil {
		t.Fatal(err)
	}
	return api, c
}

var (
	deployments = query.Labels{NamespaceLabel: "namespace", NameLabel: "deployment"}
	orders      = query.Key{Namespace: "shop", Name: "orders"}
	invoices    = query.Key{Namespace: "shop", Name: "invoices"}
)

// newShared returns a source whose answers are kept for so long; for a
// nanosecond, each look is a request of its own.
func newShared(t *testing.T, api v1.API, o query.Options, keep time.Duration) *query.Source {
	o.Warn = func(w string) { t.Log("warning:", w) }
	return query.NewShared(api, o, deployments, keep)
}

func TestSharedQuery(t *testing.T) {
	t.Parallel()
	const (
		load = `load{namespace="shop",deployment="%s",pod="%d"} %v`
		both = `load{namespace="shop",deployment="orders",pod="0"} 120` + "\n" +
			`load{namespace="shop",deployment="invoices",pod="0"} 7` + "\n" +
			`same_load{namespace="shop",deployment="orders",pod="0"} 1` + "\n" +
			`load_without_deployment{namespace="shop"} 5`
	)
	target := newScraped(t, both)
	server := startPrometheus(t, target, 200*time.Millisecond)
	api, requests := newCountedAPI(t, server.URL)
	plain := newShared(t, api, query.Options{Query: "load"}, 1)
	awaitMember(t, plain, orders, sample.Value)

	for _, c := range []struct{ name, query, timestamp string }{
		{"a selector", "load", ""},
		{"a comment at the end", "load # of each", ""},
		{"an aggregation, its time told", "sum by (namespace, deployment) (load)", "max by (namespace, deployment) (timestamp(load))"},
		{"more labels than the name's", "sum by (namespace, deployment, pod) (load)", "max by (namespace, deployment) (timestamp(load))"},
		{"joined", "load * 1 or load", "timestamp(load)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShared(t, api, query.Options{Query: c.query, TimestampQuery: c.timestamp}, time.Minute)
			before := requests.n.Load()
			for key, want := range map[query.Key]float64{orders: 120, invoices: 7} {
				r := s.Reader(key)
				got := r.Read(t.Context())
				if got.Outcome != sample.Value || got.Value != want || age(got) <= 0 || age(got) > 10*time.Second {
					t.Errorf("%s: got %+v, %s old, want %v", key, got, age(got), want)
				}
			}
			members, err := s.Members(t.Context())
			if want := (query.Members{Keys: []query.Key{invoices, orders}}); err != nil || !reflect.DeepEqual(members, want) {
				t.Errorf("got %+v, %v; want %+v", members, err, want)
			}
			if got := requests.n.Load() - before; got != 1 {
				t.Errorf("%d requests, want 1 for all", got)
			}
		})
	}

	for _, c := range []struct{ name, query, timestamp, want string }{
		{"a scalar", "40 + 2", "", "query 40 + 2 gives a scalar: want an instant vector whose labels name the workloads"},
		{"a matrix", "load[1m]", "", "query load[1m] gives a matrix: want an instant vector"},
		{"bad PromQL", "sum(", "", "unclosed left parenthesis"},
		{"a time that is a scalar", "load", "time()", "query time() gives a scalar"},
		{"series that differ in the metric's name only", `{__name__=~"load|same_load"}`, "", "cannot contain metrics with the same labelset"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := newShared(t, api, query.Options{Query: c.query, TimestampQuery: c.timestamp}, 1).Members(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || promapi.CauseOf(err) == promapi.CauseConnection {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}

	t.Run("two series for one workload, and one for none", func(t *testing.T) {
		s := newShared(t, api, query.Options{Query: `{__name__=~"load.*|same_load"}`, TimestampQuery: "timestamp(load)"}, 1)
		members, err := s.Members(t.Context())
		if want := (query.Members{Keys: []query.Key{invoices, orders}, Unnamed: 1, Repeated: 1}); err != nil || !reflect.DeepEqual(members, want) {
			t.Errorf("got %+v, %v; want %+v", members, err, want)
		}
		if got := s.Reader(orders).Read(t.Context()); got.Outcome != sample.ManySeries || got.Series != 2 {
			t.Errorf("orders: got %+v, want many series", got)
		}
		if got := s.Reader(invoices).Read(t.Context()); got.Outcome != sample.Value {
			t.Errorf("invoices: got %+v, want a value", got)
		}
	})

	t.Run("a time without labels is no workload's", func(t *testing.T) {
		s := newShared(t, api, query.Options{Query: "sum by (namespace, deployment) (load)", TimestampQuery: "max(timestamp(load))"}, 1)
		if got := s.Reader(orders).Read(t.Context()); got.Outcome != sample.Failed || !strings.Contains(got.Err.Error(), "gives no time for shop/orders") {
			t.Errorf("got %+v", got)
		}
	})

	t.Run("one vanishes", func(t *testing.T) {
		target.set(fmt.Sprintf(load, "invoices", 0, 8))
		awaitMember(t, plain, orders, sample.NoData)
		r := plain.Reader(invoices)
		if got := r.Read(t.Context()); got.Outcome != sample.Value || got.Value != 8 {
			t.Errorf("invoices: got %+v, want 8", got)
		}
		members, err := plain.Members(t.Context())
		if err != nil || !reflect.DeepEqual(members.Keys, []query.Key{invoices}) {
			t.Errorf("got %+v, %v; want invoices alone", members, err)
		}
	})

	t.Run("an empty answer is 0, a Prometheus that is away is not", func(t *testing.T) {
		single := query.New(api, query.Options{Query: `load{deployment="orders"}`, Zero: true, Warn: func(w string) { t.Log("warning:", w) }}).Reader(query.Key{})
		group := newShared(t, api, query.Options{Query: "load", Zero: true}, 1)
		readers := map[string]*query.Reader{"single": single, "member": group.Reader(orders)}
		for name, r := range readers {
			got := r.Read(t.Context())
			if got.Outcome != sample.Value || got.Value != 0 || !got.Empty || age(got) < 0 || age(got) > time.Second || time.Since(got.Timestamp).Abs() > 10*time.Second {
				t.Errorf("%s: got %+v, want 0 of now", name, got)
			}
		}
		target.set(fmt.Sprintf(load, "orders", 0, 9))
		awaitMember(t, plain, orders, sample.Value)
		for name, r := range readers {
			if got := r.Read(t.Context()); got.Outcome != sample.Value || got.Value != 9 || got.Empty {
				t.Errorf("%s: got %+v, want 9", name, got)
			}
		}
		server.Stop()
		for name, r := range readers {
			if got := r.Read(t.Context()); got.Outcome != sample.Failed || promapi.CauseOf(got.Err) != promapi.CauseConnection {
				t.Errorf("%s: got %+v, want a failure", name, got)
			}
		}
		if _, err := group.Members(t.Context()); err == nil {
			t.Error("a Prometheus that is away names workloads")
		}
	})
}

// Scrapes come in all the time, and yet a value is always of the sample whose
// time it is told with.
func TestSharedQueryTakesValueAndTimeOfOneSample(t *testing.T) {
	t.Parallel()
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		now := time.Now()
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintln(w, at(fmt.Sprintf(`load{namespace="shop",deployment="orders"} %d`, now.UnixMilli()), now))
	}))
	defer target.Close()
	server, err := prometheus.Start(t.Context(), t.TempDir(), prometheus.Config{
		ScrapeInterval: 5 * time.Millisecond, Jobs: map[string][]string{"clock": {strings.TrimPrefix(target.URL, "http://")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	api, _ := newCountedAPI(t, server.URL)
	for name, o := range map[string]query.Options{
		"a selector":                    {Query: "load"},
		"an aggregation, its time told": {Query: "sum by (namespace, deployment) (load)", TimestampQuery: "max by (namespace, deployment) (timestamp(load))"},
	} {
		s := newShared(t, api, o, 1)
		awaitMember(t, s, orders, sample.Value)
		seen := map[time.Time]bool{}
		for range 300 {
			r := s.Reader(orders)
			got := r.Read(t.Context())
			if got.Outcome != sample.Value || int64(got.Value) != got.Timestamp.UnixMilli() {
				t.Fatalf("%s: got %.0f with the time %d: %+v", name, got.Value, got.Timestamp.UnixMilli(), got)
			}
			seen[got.Timestamp] = true
		}
		if len(seen) < 30 {
			t.Errorf("%s: only %d samples in 300 looks, which proves little", name, len(seen))
		}
	}
}

func TestQueryNow(t *testing.T) {
	t.Parallel()
	server := startPrometheus(t, newScraped(t, "partitions 12"), 200*time.Millisecond)
	awaitOutcome(t, newReader(t, server.URL, "partitions", ""), sample.Value)
	for promQL, want := range map[string]sample.Outcome{
		"sum(partitions)": sample.Value, "partitions / 0": sample.NotANumber, "none": sample.NoData,
		`{__name__=~"partitions|up"}`: sample.ManySeries, "partitions[1m]": sample.Failed,
	} {
		got := newNumber(t, server.URL, promQL).Now(t.Context())
		if got.Outcome != want || want == sample.Value && got.Value != 12 {
			t.Errorf("%s: got %+v, want %s", promQL, got, want)
		}
	}
}

func awaitMember(t *testing.T, s *query.Source, key query.Key, want sample.Outcome) {
	t.Helper()
	await(t, func() string {
		if got := s.Reader(key).Read(t.Context()); got.Outcome != want {
			return fmt.Sprintf("%s: got %+v, want %s", key, got, want)
		}
		return ""
	})
}
