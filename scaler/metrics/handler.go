package metrics

import (
	"compress/gzip"
	"io"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"golang.org/x/net/http/httpguts"
)

// Handler serves what a registry gathers and, after it, what belongs to targets:
// a family at a time, as promhttp would hold a copy of all. With name[] in the
// address, it serves the metrics of these names alone.
func (m *Metrics) Handler(registry prometheus.Gatherer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		own, err := registry.Gather()
		if err != nil {
			http.Error(w, "gather metrics: "+err.Error(), http.StatusInternalServerError)
			return
		}
		format := expfmt.NegotiateAccept(r.Header, expfmt.DefaultAcceptedFormats()...)
		w.Header().Set("Content-Type", string(format))
		w.Header().Set("Vary", "Accept, Accept-Encoding")
		var body io.Writer = w
		if httpguts.HeaderValuesContainsToken(r.Header["Accept-Encoding"], "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // fails for unknown levels only
			defer z.Close()
			body = z
		}
		names := r.URL.Query()["name[]"]
		desired := func(name string) bool { return len(names) == 0 || slices.Contains(names, name) }
		to := expfmt.NewEncoder(body, format)
		for _, f := range own {
			if desired(f.GetName()) && to.Encode(f) != nil {
				return // the client has gone
			}
		}
		s, b := m.scrape(), &builder{}
		for _, f := range m.all {
			if rows := s.rows[f.index]; len(rows.values) > 0 && desired(f.name) && to.Encode(b.build(f, rows)) != nil {
				return
			}
		}
	})
}
