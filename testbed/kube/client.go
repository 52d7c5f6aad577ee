package kube

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// Request asks the API server, as administrator unless the cluster is from As. It sends body as JSON, unless
// it is nil, and decodes the answer into result, unless that is nil. The
// content type of a PATCH is a merge patch. An answer that is not 2xx is a
// *StatusError.
func (c *Cluster) Request(ctx context.Context, method, path string, body, result any) error {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("%s %s: encoding the body: %w", method, path, err)
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.URL+path, content)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		request.Header.Set("Content-Type", "application/merge-patch+json")
	}
	return send(c.client, request, result)
}

// As returns the cluster for requests as a user with a client certificate, who may
// do what RBAC says.
func (c *Cluster) As(user string, groups ...string) (*Cluster, error) {
	client, err := c.authority.httpClient(user, groups...)
	as := *c
	as.client = client
	return &as, err
}

// Watch opens a watch as administrator, and returns its events: JSON objects
// with type and object, one a line, until the reader is closed or ctx ends.
func (c *Cluster) Watch(ctx context.Context, path string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := c.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", path, err)
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		return nil, &StatusError{Request: "GET " + path, Code: response.StatusCode, Body: string(text)}
	}
	return response.Body, nil
}

// StatusError is an answer of the API server that is not 2xx.
type StatusError struct {
	Request string // method and path
	Code    int
	Body    string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s: status %d: %s", e.Request, e.Code, e.Body)
}

func get(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	return send(client, request, nil)
}

func send(client *http.Client, request *http.Request, result any) error {
	what := request.Method + " " + request.URL.Path
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if response.StatusCode/100 != 2 {
		return &StatusError{Request: what, Code: response.StatusCode, Body: string(text)}
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(text, result); err != nil {
		return fmt.Errorf("%s: decoding the answer: %w", what, err)
	}
	return nil
}

// httpClient returns a client that is a user of the cluster.
func (a *authority) httpClient(user string, groups ...string) (*http.Client, error) {
	issued, err := a.client(user, groups)
	if err != nil {
		return nil, err
	}
	certificate, err := tls.X509KeyPair(issued.certificate, issued.key)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.certificate)
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}},
	}}, nil
}
