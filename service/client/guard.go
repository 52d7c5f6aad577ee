package client

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/common/config"
	"golang.org/x/oauth2"
)

// Pauses after refused credentials. They outlast an engine's start, when its
// users may not exist yet.
const (
	firstPause = 30 * time.Second
	nextPause  = 5 * time.Minute
)

// maxRefusals is after how many refusals a password is not tried again. Several
// programs may use one user, and an engine locks it at the tenth.
const maxRefusals = 3

// RefusedError is the error of a request that was not sent, because credentials
// were refused before.
type RefusedError struct {
	Refusals int
	Until    time.Time // when the next request is sent; zero: when the credentials have changed
	File     string
}

func (e *RefusedError) Error() string {
	if e.Until.IsZero() {
		return fmt.Sprintf("not sent: the credentials were refused %d times, and more tries could lock the user for good; correct the credentials in %s or the files that it names, or restart", e.Refusals, e.File)
	}
	return fmt.Sprintf("not sent before %s: the credentials were refused, and a wrong password locks the user", e.Until.UTC().Format(time.RFC3339))
}

// guard is a transport that limits how often refused credentials are tried.
// Until they are accepted it sends one request at a time.
type guard struct {
	file    string // may be empty
	options []config.HTTPClientOption
	logger  log.Logger
	alone   chan struct{} // holds a token while a request tries credentials

	mu       sync.Mutex
	next     http.RoundTripper
	config   config.HTTPClientConfig
	contents [sha256.Size]byte // of the files that credentials come from
	accepted bool              // since they changed
	refusals int               // since they were accepted or changed
	until    time.Time         // no request before
}

// load reads the file and makes the transport. On an error, those from before
// remain.
func (g *guard) load() error {
	c, err := LoadConfig(g.file)
	if err != nil {
		return err
	}
	next, err := config.NewRoundTripperFromConfig(c, "camunda", g.options...)
	if err != nil {
		return fmt.Errorf("make an HTTP client: %w", err)
	}
	g.next, g.config = next, c
	g.contents = g.read()
	return nil
}

// read returns a hash of all files that credentials come from. A file that
// cannot be read counts as empty: the request will tell.
func (g *guard) read() [sha256.Size]byte {
	files := []string{g.file}
	if b := g.config.BasicAuth; b != nil {
		files = append(files, b.UsernameFile, b.PasswordFile)
	}
	if a := g.config.Authorization; a != nil {
		files = append(files, a.CredentialsFile)
	}
	if o := g.config.OAuth2; o != nil {
		files = append(files, o.ClientSecretFile)
	}
	h := sha256.New()
	for _, file := range files {
		text, _ := os.ReadFile(file)
		fmt.Fprintf(h, "%d %s", len(text), text)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	next, leave, err := g.enter(req.Context())
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	resp, err := next.RoundTrip(req)
	leave(resp, err)
	return resp, err
}

// enter returns the transport for a request, and what to call with its result.
func (g *guard) enter(ctx context.Context) (http.RoundTripper, func(*http.Response, error), error) {
	select {
	case g.alone <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.check(time.Now()); err != nil {
		<-g.alone
		return nil, nil, err
	}
	if g.accepted {
		<-g.alone
		return g.next, g.judge, nil
	}
	return g.next, func(resp *http.Response, err error) { g.judge(resp, err); <-g.alone }, nil
}

// check returns an error if no request may be sent now.
func (g *guard) check(now time.Time) error {
	if g.refusals == 0 {
		return nil
	}
	if contents := g.read(); contents != g.contents {
		g.contents = contents
		if err := g.load(); err != nil {
			return fmt.Errorf("read the changed credentials: %w", err)
		}
		level.Info(g.logger).Log("msg", "credentials changed", "file", g.file)
		g.refusals, g.until, g.accepted = 0, time.Time{}, false
		return nil
	}
	switch {
	case g.config.BasicAuth != nil && g.refusals >= maxRefusals:
		return &RefusedError{Refusals: g.refusals, File: g.file}
	case now.Before(g.until):
		return &RefusedError{Refusals: g.refusals, Until: g.until, File: g.file}
	}
	return nil
}

// judge learns from the result of a request whether credentials are accepted.
func (g *guard) judge(resp *http.Response, err error) {
	var token *oauth2.RetrieveError
	refused := errors.As(err, &token) && token.Response != nil && token.Response.StatusCode/100 == 4 ||
		err == nil && resp.StatusCode == http.StatusUnauthorized
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case refused:
		g.refusals++
		g.accepted = false
		pause := firstPause
		if g.refusals > 1 {
			pause = nextPause
		}
		g.until = time.Now().Add(pause)
		if g.config.BasicAuth != nil && g.refusals >= maxRefusals {
			level.Error(g.logger).Log("msg", "credentials refused and not tried again", "refusals", g.refusals,
				"reason", "a wrong password locks the user for good", "do", "correct the credentials in "+g.file+" or the files that it names, or restart")
			return
		}
		level.Warn(g.logger).Log("msg", "credentials refused", "refusals", g.refusals, "retry_in", pause)
	case err == nil:
		g.refusals, g.until, g.accepted = 0, time.Time{}, true
	}
}

// CloseIdleConnections is called by http.Client.CloseIdleConnections.
func (g *guard) CloseIdleConnections() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c, ok := g.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
