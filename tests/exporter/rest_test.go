package exporter

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/engine"
)

//go:embed testdata/processes.bpmn
var processes []byte

// client queries an engine as a user.
type client struct {
	engine *engine.Engine
	user   engine.User
}

// ask sends a request and returns the status and the body.
func (c client) ask(ctx context.Context, method, path, contentType string, body io.Reader) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.engine.URL+path, body)
	if err != nil {
		return 0, nil, err
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if c.user.Name != "" {
		r.SetBasicAuth(c.user.Name, c.user.Password)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// deploy deploys the processes for a tenant, or for none.
func (c client) deploy(t testing.TB, tenant string) {
	t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	fields := map[string]string{"deployment-name": "tests"}
	if tenant != "" {
		fields["tenant-id"] = tenant
	}
	for name, value := range fields {
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	file, err := w.CreateFormFile("data", "processes.bpmn")
	if err != nil {
		t.Fatal(err)
	}
	file.Write(processes)
	w.Close()
	status, answer, err := c.ask(t.Context(), http.MethodPost, "/deployment/create", w.FormDataContentType(), &form)
	if err != nil || status != http.StatusOK {
		t.Fatalf("deploy: %d %s, %v", status, answer, err)
	}
}

// start starts an instance of the process with this key, for a tenant or for
// none.
func (c client) start(ctx context.Context, key, tenant, businessKey string) error {
	path := "/process-definition/key/" + key
	if tenant != "" {
		path += "/tenant-id/" + tenant
	}
	body, err := json.Marshal(map[string]string{"businessKey": businessKey})
	if err != nil {
		return err
	}
	status, answer, err := c.ask(ctx, http.MethodPost, path+"/start", "application/json", bytes.NewReader(body))
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("start %s: %d %s", key, status, answer)
	}
	return err
}

func (c client) mustStart(t *testing.T, key, tenant string, times int) {
	t.Helper()
	for range times {
		if err := c.start(t.Context(), key, tenant, ""); err != nil {
			t.Fatal(err)
		}
	}
}
