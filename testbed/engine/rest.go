package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// answers tells whether the REST API is up.
func (e *Engine) answers(ctx context.Context) error {
	var answer struct{ Version string }
	if err := e.request(ctx, Admin, http.MethodGet, "/version", nil, &answer); err != nil {
		return err
	}
	if answer.Version == "" {
		return fmt.Errorf("%s/version says no version", e.URL)
	}
	return nil
}

// request sends body as JSON, unless it is nil, and decodes the answer into
// result, unless that is nil.
func (e *Engine) request(ctx context.Context, as User, method, path string, body, result any) error {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, e.URL+path, content)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	return e.send(request, as, result)
}

func (e *Engine) send(request *http.Request, as User, result any) error {
	if e.spec.Authorization && as != (User{}) {
		request.SetBasicAuth(as.Name, as.Password)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", request.Method, request.URL.Path, response.Status, answer)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer, result)
}
