// Package camunda deploys a small process to a Camunda 7 engine and starts
// instances of it, over the REST API.
package camunda

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/common/config"

	"github.com/camunda-autoscaler/camunda-autoscaler/service"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/client"
)

// ProcessKey is the key of the process that is deployed and started: a start
// event, one asynchronous task, an end event.
const ProcessKey = "camunda-process-starter"

//go:embed process.bpmn
var process []byte

// Client talks to one engine. It is safe for concurrent use.
type Client struct {
	http *http.Client
	base string // without a trailing slash
}

// idleConnTimeout is below the 20 s after which Tomcat closes an idle
// connection: a start sent over one that is being closed would be lost.
const idleConnTimeout = 10 * time.Second

// New returns a client for the REST API at the given URL, see ParseHost. The
// file has credentials and TLS, and may be empty: see client.New.
func New(api *url.URL, file string, logger log.Logger) (*Client, error) {
	h, err := client.New(file, service.UserAgent(ProcessKey), logger, config.WithIdleConnTimeout(idleConnTimeout))
	if err != nil {
		return nil, err
	}
	return &Client{http: h, base: strings.TrimSuffix(api.String(), "/")}, nil
}

// ParseHost reads the engine's address: host:port, or a URL. A URL without a
// path, and host:port, mean the REST API at /engine-rest.
func ParseHost(s string) (*url.URL, error) {
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := client.ParseURL(s, "http://camunda-service:8080/engine-rest, or host:port")
	if err != nil {
		return nil, err
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/engine-rest"
	}
	return u, nil
}

// Deploy deploys the process unless the engine already has this version. It
// reports whether the engine created a new version.
func (c *Client) Deploy(ctx context.Context) (made bool, err error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, field := range [][2]string{
		{"deployment-name", ProcessKey},
		{"enable-duplicate-filtering", "true"},
		{"deploy-changed-only", "true"},
	} {
		if err := form.WriteField(field[0], field[1]); err != nil {
			return false, fmt.Errorf("write the deployment: %w", err)
		}
	}
	file, err := form.CreateFormFile("process.bpmn", "process.bpmn")
	if err != nil {
		return false, fmt.Errorf("write the deployment: %w", err)
	}
	if _, err := file.Write(process); err != nil {
		return false, fmt.Errorf("write the deployment: %w", err)
	}
	if err := form.Close(); err != nil {
		return false, fmt.Errorf("write the deployment: %w", err)
	}
	var answer struct {
		ID   string
		Made map[string]any `json:"deployedProcessDefinitions"` // null if filtered as a duplicate
	}
	if err := c.post(ctx, "/deployment/create", form.FormDataContentType(), &body, &answer); err != nil {
		return false, fmt.Errorf("deploy the process: %w", err)
	}
	if answer.ID == "" {
		return false, fmt.Errorf("deploy the process: %w", &Error{BadAnswer, errors.New("the answer has no id")})
	}
	return len(answer.Made) > 0, nil
}

// Start starts one instance. It never retries, because a start without an answer
// may have succeeded. Its error has a Cause.
func (c *Client) Start(ctx context.Context) error {
	var answer struct{ ID string }
	err := c.post(ctx, "/process-definition/key/"+ProcessKey+"/start", "application/json", strings.NewReader("{}"), &answer)
	if err != nil {
		return fmt.Errorf("start an instance: %w", err)
	}
	if answer.ID == "" {
		return fmt.Errorf("start an instance: %w", &Error{BadAnswer, errors.New("the answer has no id")})
	}
	return nil
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

func (c *Client) post(ctx context.Context, path, contentType string, body io.Reader, answer any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, body)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return noAnswer(ctx, err)
	}
	defer resp.Body.Close()
	// Read to its end, so that the connection can be used again.
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return noAnswer(ctx, err)
	}
	if resp.StatusCode/100 != 2 {
		return refused(resp.StatusCode, text)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return &Error{BadAnswer, fmt.Errorf("read the answer %.80q: %w", text, err)}
	}
	return nil
}
