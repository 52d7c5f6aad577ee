package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"github.com/camunda-autoscaler/camunda-autoscaler/starter/pace"
)

// rateJSON is the rate as HTTP clients read and write it.
type rateJSON struct {
	Starts   *int    `json:"starts_per_interval,omitempty"`
	Interval *string `json:"interval,omitempty"`
}

// addRate adds GET /rate and PUT /rate.
func addRate(mux *http.ServeMux, r *runner, logger log.Logger) {
	mux.HandleFunc("GET /rate", func(w http.ResponseWriter, _ *http.Request) {
		writeRate(w, r.Rate())
	})
	mux.HandleFunc("PUT /rate", func(w http.ResponseWriter, req *http.Request) {
		from := r.Rate()
		to, err := readRate(from, http.MaxBytesReader(w, req.Body, 1<<10), req.URL.Query()["starts"])
		if err != nil {
			http.Error(w, fmt.Sprintf(`%v; send a number of starts as in 120, or {"starts_per_interval":120,"interval":"10s"}`, err), http.StatusBadRequest)
			return
		}
		r.SetRate(to)
		level.Info(logger).Log("msg", "rate changed", "from", from, "to", to, "by", req.RemoteAddr)
		writeRate(w, to)
	})
}

func writeRate(w http.ResponseWriter, r pace.Rate) {
	interval := r.Interval.String()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(rateJSON{Starts: &r.Starts, Interval: &interval}) // fails only if the client has gone
}

// readRate reads a request for a new rate: a number or JSON in the body, or
// the query parameter starts. What the request leaves out stays unchanged.
func readRate(rate pace.Rate, body io.Reader, query []string) (pace.Rate, error) {
	content, err := io.ReadAll(body)
	if err != nil {
		return rate, fmt.Errorf("read the body: %w", err)
	}
	text := strings.TrimSpace(string(content))
	switch {
	case len(query) > 1 || (len(query) == 1 && text != ""):
		return rate, errors.New("more than one rate given")
	case len(query) == 1:
		text = query[0]
	case text == "":
		return rate, errors.New("no rate given")
	case strings.HasPrefix(text, "{"):
		return readJSON(rate, text)
	}
	if rate.Starts, err = strconv.Atoi(text); err != nil {
		return rate, fmt.Errorf("%.40q is not a whole number", text)
	}
	return rate, rate.Check()
}

func readJSON(rate pace.Rate, text string) (pace.Rate, error) {
	var request rateJSON
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&request); err != nil {
		return rate, fmt.Errorf("read the JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return rate, errors.New("read the JSON: unexpected data after its end")
	}
	if request.Starts == nil && request.Interval == nil {
		return rate, errors.New("no rate given")
	}
	if request.Starts != nil {
		rate.Starts = *request.Starts
	}
	if request.Interval != nil {
		interval, err := time.ParseDuration(*request.Interval)
		if err != nil {
			return rate, fmt.Errorf("interval %.40q is not a duration", *request.Interval)
		}
		rate.Interval = interval
	}
	return rate, rate.Check()
}
