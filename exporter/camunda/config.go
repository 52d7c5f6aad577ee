package camunda

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/prometheus/common/config"
)

// ParseURL checks the address of an engine's REST API. Credentials do not
// belong into it, because it is logged.
func ParseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	const want = "want an absolute URL such as http://camunda-service:8080/engine-rest"
	switch {
	case err != nil:
		var parse *url.Error
		if errors.As(err, &parse) {
			err = parse.Err // without the URL, which is in the message already
		}
		return nil, fmt.Errorf("%q: %w; %s", s, err, want)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%q has no scheme http or https; %s", s, want)
	case u.Hostname() == "":
		return nil, fmt.Errorf("%q has no host; %s", s, want)
	case u.User != nil:
		return nil, fmt.Errorf("%q holds credentials; put them as basic_auth into the file of --camunda.config.file", u.Redacted())
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%q has a query or a fragment; %s", s, want)
	}
	return u, nil
}

// LoadHTTPConfig reads how to connect to the engine (credentials, TLS, proxy,
// headers) from a YAML file in Prometheus' format for HTTP clients. An empty
// name gives the defaults.
func LoadHTTPConfig(file string) (config.HTTPClientConfig, error) {
	if file == "" {
		return config.DefaultHTTPClientConfig, nil
	}
	c, _, err := config.LoadHTTPConfigFile(file)
	if err != nil {
		// The library's own words name the line, over several lines of text.
		text := strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "yaml: ")), " ")
		text = strings.TrimPrefix(text, "unmarshal errors: ")
		return config.HTTPClientConfig{}, fmt.Errorf("%s: %s", file, strings.ReplaceAll(text, " in type config.plain", ""))
	}
	return *c, nil
}

// NewHTTPClient returns a client that reuses connections and reads credentials
// files again for each request.
func NewHTTPClient(c config.HTTPClientConfig, userAgent string) (*http.Client, error) {
	client, err := config.NewClientFromConfig(c, "camunda", config.WithUserAgent(userAgent))
	if err != nil {
		return nil, fmt.Errorf("set up the connection to the engine: %w", err)
	}
	return client, nil
}
