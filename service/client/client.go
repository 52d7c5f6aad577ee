// Package client makes HTTP clients in Prometheus's configuration format, and
// checks the addresses that they are used with.
package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-kit/log"
	"github.com/prometheus/common/config"
)

// ParseURL checks the absolute address of an API, such as example. It returns
// an error if the address holds credentials, a query or a fragment: it is
// logged, and paths are appended to it.
func ParseURL(s, example string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		if parse, ok := errors.AsType[*url.Error](err); ok {
			err = parse.Err // without the address, which may hold a password
		}
		return nil, fmt.Errorf("cannot parse the URL: %w; want an absolute URL such as %s", err, example)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%q has no scheme http or https; want an absolute URL such as %s", u.Redacted(), example)
	case u.Hostname() == "":
		return nil, fmt.Errorf("%q has no host; want an absolute URL such as %s", u.Redacted(), example)
	case u.User != nil:
		return nil, fmt.Errorf("%q holds credentials; put them as basic_auth into the HTTP client's configuration file", u.Redacted())
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%q has a query or a fragment; want an absolute URL such as %s", u.Redacted(), example)
	}
	return u, nil
}

// LoadConfig reads credentials, TLS, proxy and headers from a YAML file in
// Prometheus's http_config format. An empty name gives the defaults.
func LoadConfig(file string) (config.HTTPClientConfig, error) {
	if file == "" {
		return config.DefaultHTTPClientConfig, nil
	}
	c, _, err := config.LoadHTTPConfigFile(file)
	if err != nil {
		// The library names the line, in several lines of text.
		text := strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "yaml: ")), " ")
		text = strings.TrimPrefix(text, "unmarshal errors: ")
		return config.HTTPClientConfig{}, fmt.Errorf("%s: %s", file, strings.ReplaceAll(text, " in type config.plain", ""))
	}
	return *c, nil
}

// New returns a client that takes credentials, TLS, proxy and headers from a
// YAML file, see LoadConfig. It reuses connections and reads password files
// again for each request.
//
// It follows no redirect, whatever the file says: the answer of another address
// would pass for the one that was asked for, and credentials would go there.
//
// It is careful with passwords, because an engine locks a user after ten wrong
// ones, for good: after refused credentials (401) it waits before the next
// request, and after three refusals it sends nothing until a file that holds
// credentials changes, or the program restarts. A request that is not sent
// fails with a RefusedError.
func New(file, userAgent string, logger log.Logger, options ...config.HTTPClientOption) (*http.Client, error) {
	g := &guard{
		file: file, options: append(options, config.WithUserAgent(userAgent)), logger: logger,
		alone: make(chan struct{}, 1),
	}
	if err := g.load(); err != nil {
		return nil, err
	}
	return &http.Client{
		Transport:     g,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}
