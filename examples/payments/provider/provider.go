// Package provider is a payment provider that accepts or refuses charges at random,
// and fails in the ways that a caller has to survive.
package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"sync"
	"time"
)

// maxBody bounds a request's body in bytes; a charge has about sixty.
const maxBody = 4 << 10

// Config says how a provider behaves.
type Config struct {
	SuccessRate float64       // the share of charges that it accepts, 0 to 1
	Latency     time.Duration // how long a charge takes
	Capacity    int           // how many charges it works on at once, the others wait; 0: any number
	Failure     Failure
	FailureRate float64 // the share of charges that fail in this way, 0 to 1
}

// Validate returns an error for a rate that is no rate, and for negative sizes.
func (c Config) Validate() error {
	for name, rate := range map[string]float64{"success rate": c.SuccessRate, "failure rate": c.FailureRate} {
		if !(rate >= 0 && rate <= 1) { // NaN is neither
			return fmt.Errorf("the %s has to be from 0 to 1, not %v", name, rate)
		}
	}
	if c.Latency < 0 {
		return fmt.Errorf("the latency has to be 0s or more, not %s", c.Latency)
	}
	if c.Capacity < 0 {
		return fmt.Errorf("the capacity has to be 0 (any number) or more, not %d", c.Capacity)
	}
	return nil
}

// Provider serves charges at any path: POST with a customer, a value and a currency,
// answered with {"result": true} or false.
type Provider struct {
	config  Config
	slots   chan struct{} // nil: any number
	metrics *metrics

	mu     sync.Mutex
	random *rand.Rand
}

// New returns a provider..
func New(config Config, random *rand.Rand) *Provider {
	p := &Provider{config: config, random: random, metrics: newMetrics()}
	if config.Capacity > 0 {
		p.slots = make(chan struct{}, config.Capacity)
	}
	return p
}

// charge is the body of a request, as Antaeus sends it. There is no invoice in it.
type charge struct {
	CustomerID int     `json:"customer_id"`
	Value      float64 `json:"value"` // in units of the currency
	Currency   string  `json:"currency"`
}

var currency = regexp.MustCompile(`^[A-Z]{3}$`)

func (c charge) validate() error {
	switch {
	case c.CustomerID <= 0:
		return errors.New(`"customer_id" has to be a positive number`)
	case c.Value <= 0:
		return errors.New(`"value" has to be a positive number`)
	case !currency.MatchString(c.Currency):
		return errors.New(`"currency" has to be a code of ISO 4217, such as "USD"`)
	}
	return nil
}

func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "send a charge with POST", http.StatusMethodNotAllowed)
		return
	}
	start := time.Now()
	p.metrics.inFlight.Inc()
	result := failed
	defer func() {
		p.metrics.inFlight.Dec()
		p.metrics.requests.WithLabelValues(string(result)).Inc()
		p.metrics.duration.Observe(time.Since(start).Seconds())
	}()
	if status, err := decode(w, r); err != nil {
		result = invalid
		http.Error(w, err.Error(), status)
		return
	}
	result = p.charge(w, r)
}

func decode(w http.ResponseWriter, r *http.Request) (status int, err error) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return http.StatusRequestEntityTooLarge, fmt.Errorf("the body has more than %d bytes", maxBody)
	}
	var c charge
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err == nil {
		err = c.validate()
	}
	if err != nil {
		return http.StatusBadRequest, fmt.Errorf(`the body has to be a charge such as {"customer_id":1,"value":340.45,"currency":"USD"}: %w`, err)
	}
	return 0, nil
}

// charge decides, takes its time, and answers.
func (p *Provider) charge(w http.ResponseWriter, r *http.Request) result {
	accept, failure := p.draw()
	if failure == Hang {
		<-r.Context().Done()
		return failed
	}
	if err := p.work(r.Context()); err != nil { // the caller has gone: nothing was charged
		return failed
	}
	if failure != None {
		return failure.answer(w, accept)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]bool{"result": accept}) // a caller that has gone is told nothing
	return outcome(accept)
}

// draw takes the same two numbers for each charge, so that a seed gives the same
// answers whatever fails.
func (p *Provider) draw() (accept bool, failure Failure) {
	p.mu.Lock()
	defer p.mu.Unlock()
	accept = p.random.Float64() < p.config.SuccessRate
	if p.random.Float64() < p.config.FailureRate {
		failure = p.config.Failure
	}
	return accept, failure
}

// work takes a charge's time, within the capacity.
func (p *Provider) work(ctx context.Context) error {
	if p.slots != nil {
		select {
		case p.slots <- struct{}{}:
			defer func() { <-p.slots }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if p.config.Latency == 0 {
		return nil
	}
	select {
	case <-time.After(p.config.Latency):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
