package query

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// BenchmarkThousand reads the samples of a thousand workloads, by a query each
// and by one query for all. The answers are recorded, so what it costs
// Prometheus to evaluate them is not in it.
func BenchmarkThousand(b *testing.B) {
	const n = 1000
	one := single("1", "1699999999.5")
	var series []string
	for i := range n {
		series = append(series, member(fmt.Sprintf("workload-%d", i), "1"))
	}
	all := whole(series...)
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		r.ParseForm()
		body := one
		if strings.Contains(r.Form.Get("query"), "all") {
			body = all
		}
		answering(200, body)(w, r)
	}))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		b.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	api, err := promapi.New(u, &http.Client{Transport: transport}, promapi.Load{})
	if err != nil {
		b.Fatal(err)
	}

	shared := NewShared(api, Options{Query: "all", TimestampQuery: "t"}, byLabels, time.Hour)
	var own, members []*Reader
	for i := range n {
		own = append(own, New(api, Options{Query: "q", TimestampQuery: "t"}).Reader(Key{}))
		members = append(members, shared.Reader(Key{"n", fmt.Sprintf("workload-%d", i)}))
	}
	for name, readers := range map[string][]*Reader{"a query each": own, "a query for all": members} {
		b.Run(name, func(b *testing.B) {
			requests.Store(0)
			b.ReportAllocs()
			for b.Loop() {
				for _, r := range readers {
					if got := r.Read(b.Context()); got.Outcome != sample.Value || got.Value != 1 {
						b.Fatalf("got %+v", got)
					}
				}
			}
			b.ReportMetric(float64(requests.Load())/float64(b.N), "requests/op")
		})
	}
}
