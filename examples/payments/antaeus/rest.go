package antaeus

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// Handler serves the part of Antaeus's REST API that is about invoices and health.
func (b *Billing) Handler(logger log.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /rest/health", func(w http.ResponseWriter, _ *http.Request) { answer(w, "ok") })
	mux.HandleFunc("GET /rest/v1/invoices", func(w http.ResponseWriter, _ *http.Request) { answer(w, b.Store.Invoices()) })
	mux.HandleFunc("GET /rest/v1/invoices/{id}", b.invoice)
	mux.HandleFunc("POST /rest/v1/invoices/pay", func(w http.ResponseWriter, r *http.Request) {
		all, err := b.Pay(r.Context())
		switch {
		case errors.Is(err, errStopped):
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		case err != nil:
			level.Error(logger).Log("msg", "call ended early", "err", err)
			http.Error(w, err.Error(), http.StatusBadGateway)
		default:
			answer(w, all)
		}
	})
	return mux
}

func (b *Billing) invoice(w http.ResponseWriter, r *http.Request) {
	if id, err := strconv.Atoi(r.PathValue("id")); err == nil {
		for _, i := range b.Store.Invoices() {
			if i.ID == id {
				answer(w, i)
				return
			}
		}
	}
	http.Error(w, "there is no invoice with this id", http.StatusNotFound)
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // a caller that has gone is told nothing
}
