package process

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// AwaitReady waits until the process answers a GET of url with 200, for at most
// timeout. It kills a process that does not.
func (p *Process) AwaitReady(ctx context.Context, what, url string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := p.Await(ctx, what, func(ctx context.Context) error { return Request(ctx, http.MethodGet, url) })
	if err != nil {
		p.Kill()
	}
	return err
}

// Request makes a request without a body; an answer other than 200 is an error.
func Request(ctx context.Context, method, url string) error {
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(method + " " + request.URL.Path + ": " + response.Status)
	}
	return nil
}
