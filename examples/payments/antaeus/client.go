package antaeus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// maxAnswer bounds the provider's answer in bytes.
const maxAnswer = 64 << 10

// Client charges by HTTP.
type Client struct {
	endpoint string
	http     *http.Client
}

// NewClient returns a client of the provider at endpoint, a URL. It gives up after
// the timeout.
func NewClient(endpoint string, timeout time.Duration) (*Client, error) {
	if u, err := url.Parse(endpoint); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("the provider's endpoint has to be a URL such as http://payment-provider/, not %q", endpoint)
	}
	if timeout <= 0 {
		return nil, fmt.Errorf("the provider's timeout has to be more than 0s, not %s", timeout)
	}
	return &Client{endpoint: endpoint, http: &http.Client{
		Timeout: timeout,
		// A Service spreads connections, not requests: one that is kept would stay
		// with its Pod, and Pods that were added would get nothing to do.
		Transport:     &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Charge sends a charge. Only an answer that says so is an acceptance or a refusal;
// everything else is an error, after which the customer may have been charged or not.
func (c *Client) Charge(ctx context.Context, i Invoice) (accepted bool, err error) {
	body, err := json.Marshal(map[string]any{"customer_id": i.CustomerID, "value": i.Amount.Value, "currency": i.Amount.Currency})
	if err != nil {
		return false, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	request.GetBody = nil // sent twice, it might be charged twice
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return false, fmt.Errorf("call the provider: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return false, fmt.Errorf("read the provider's answer: %w", err)
	case response.StatusCode != http.StatusOK:
		return false, fmt.Errorf("the provider answered with status %d: %.200q", response.StatusCode, text)
	case len(text) > maxAnswer:
		return false, fmt.Errorf("the provider's answer has more than %d bytes", maxAnswer)
	}
	var answer struct {
		Result *bool `json:"result"`
	}
	if err = json.Unmarshal(text, &answer); err == nil && answer.Result == nil {
		err = errors.New("it has no result")
	}
	if err != nil {
		return false, fmt.Errorf("the provider's answer is not {\"result\": true} or false: %.200q: %w", text, err)
	}
	return *answer.Result, nil
}
