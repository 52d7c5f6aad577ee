// Package camunda queries a Camunda 7 engine, or Operaton, over its REST API.
// Every request is typed, every failure is an *Error with one of a closed set
// of causes, and an answer to anything else than the request is a failure.
package camunda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Endpoint names a request in metrics and errors. The set is closed.
type Endpoint string

// The endpoints. Those of history differ in purpose: a long range of time may
// take long, and must not hold up the latest window.
const (
	HistoryCount    Endpoint = "history_count"    // GET history/process-instance/count: started in the window
	DefinitionCount Endpoint = "definition_count" // the same for one process definition
	FinishedCount   Endpoint = "finished_count"   // the same by end time
	HistoryCatchUp  Endpoint = "history_catch_up" // the same for what no window covered
	HistoryRecount  Endpoint = "history_recount"  // the same for what may have become visible late
	HistoryCheck    Endpoint = "history_check"    // the same to check history itself
	HistoryList     Endpoint = "history_list"     // GET history/process-instance
	RunningList     Endpoint = "running_list"     // GET process-instance
	MetricsSum      Endpoint = "metrics_sum"      // GET metrics/NAME/sum

	RunningCount       Endpoint = "running_count"        // GET process-instance/count
	IncidentCount      Endpoint = "incident_count"       // GET incident/count
	JobCount           Endpoint = "job_count"            // GET job/count
	ExternalTaskTopics Endpoint = "external_task_topics" // GET external-task/topic-names
	ExternalTaskCount  Endpoint = "external_task_count"  // GET external-task/count
	UserTaskCount      Endpoint = "user_task_count"      // GET task/count
)

// maxBody bounds what is read of an answer, in bytes. All but the list of
// external tasks' topics are expected to be below 2 kB.
const maxBody = 64 << 10

// Client queries one engine. It is safe for concurrent use.
type Client struct {
	base    string
	http    *http.Client
	metrics *Metrics
	holds   holds
	clock   clock
}

// NewClient returns a client for the engine whose REST API is at base, for
// example http://camunda-service:8080/engine-rest. An empty engine name means
// the default engine.
func NewClient(base *url.URL, engineName string, httpClient *http.Client, metrics *Metrics) *Client {
	b := strings.TrimRight(base.String(), "/")
	if engineName != "" {
		b += "/engine/" + url.PathEscape(engineName)
	}
	return &Client{base: b, http: httpClient, metrics: metrics}
}

// Clock returns what recent answers tell of the engine's clocks.
func (c *Client) Clock(now time.Time) Clock { return c.clock.at(now) }

// longestAnswer is how long an answer is awaited that came too late for its
// caller.
const longestAnswer = 10 * time.Minute

// get asks for path below the base and decodes the body of a good answer.
//
// When ctx ends, get returns, but the request goes on: canceling it would leave
// its query behind in the engine's database, and its answer tells that the
// engine works again. Until then the endpoint gets no other request.
func (c *Client) get(ctx context.Context, e Endpoint, path string, query url.Values, decode func([]byte) error) error {
	c.holds.await(ctx, e)
	sent := time.Now()
	if err := c.holds.check(e, sent); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return &Error{Endpoint: e, Cause: endCause(ctx), Err: errors.New("not sent: no time left")}
	}
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), longestAnswer)
	answers := make(chan answer, 1)
	go func() {
		defer cancel()
		answers <- c.send(whole, c.address(path, query))
	}()
	var a answer
	select {
	case a = <-answers:
	case <-ctx.Done():
		a = answer{cause: endCause(ctx), err: fmt.Errorf("no answer after %s", time.Since(sent).Round(time.Millisecond))}
		rested := c.holds.unanswered(&Error{Endpoint: e, Cause: a.cause, Err: a.err}, sent)
		go func() {
			late := <-answers
			rested(late.err == nil || late.fromEngine || late.cause == Connection)
		}()
	}
	if a.err == nil {
		if err := decode(a.body); err != nil {
			a.cause, a.err = Nonsense, fmt.Errorf("%w in the answer %s", err, excerpt(a.body))
		}
	}
	now := time.Now()
	c.metrics.observe(e, now.Sub(sent), a.cause)
	if a.err != nil {
		err := &Error{Endpoint: e, Cause: a.cause, Err: a.err}
		c.holds.failed(err, now)
		return err
	}
	c.holds.succeeded(e)
	return nil
}

// answer is the body of an answer, or why there is none.
type answer struct {
	body       []byte
	cause      Cause
	err        error
	fromEngine bool // an error in JSON, as the engine gives, and no proxy
}

func (c *Client) address(path string, query url.Values) string {
	if len(query) == 0 {
		return c.base + path
	}
	return c.base + path + "?" + query.Encode()
}

func (c *Client) send(ctx context.Context, address string) answer {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return answer{cause: Connection, err: err}
	}
	req.Header.Set("Accept", "application/json")
	sent := time.Now()
	resp, err := c.http.Do(req)
	if err != nil {
		cause := transportCause(err)
		if long, ok := errors.AsType[*url.Error](err); ok {
			err = long.Err // without the address, which hides the reason in the log
		}
		return answer{cause: cause, err: err}
	}
	defer resp.Body.Close()
	took := time.Since(sent)
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if cause := statusCause(resp.StatusCode); cause != "" {
		return answer{cause: cause, err: statusError(resp, body), fromEngine: isJSON(resp.Header)}
	}
	if err != nil {
		return answer{cause: transportCause(err), err: fmt.Errorf("read the answer: %w", err)}
	}
	if !isJSON(resp.Header) {
		return answer{cause: NotJSON, err: fmt.Errorf("answer is %q instead of application/json%s", resp.Header.Get("Content-Type"), urlHint)}
	}
	if len(body) > maxBody {
		return answer{cause: Nonsense, err: fmt.Errorf("answer has more than %d bytes", maxBody)}
	}
	if !json.Valid(body) {
		return answer{cause: NotJSON, err: fmt.Errorf("answer is not JSON: %s", excerpt(body))}
	}
	c.clock.observe(resp.Header, sent, took)
	return answer{body: body}
}

// urlHint helps with the most frequent mistake.
const urlHint = " (does the URL end with the path of the REST API, as in http://camunda-service:8080/engine-rest?)"

func isJSON(h http.Header) bool {
	mediaType, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && mediaType == "application/json"
}

// statusError describes an answer with a bad status, in the engine's own words
// if there are any.
func statusError(resp *http.Response, body []byte) error {
	var words struct{ Type, Message string }
	status := strings.TrimSpace(resp.Status) // some servers leave the reason out
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		return errors.New("answer is 401 Unauthorized: the engine rejects the credentials, or requires some")
	case isJSON(resp.Header) && json.Unmarshal(body, &words) == nil && words.Message != "":
		return fmt.Errorf("answer is %s: %s: %s", status, words.Type, excerpt([]byte(words.Message)))
	case resp.StatusCode == http.StatusNotFound:
		return fmt.Errorf("answer is %s without JSON%s", status, urlHint)
	case resp.Header.Get("Location") != "":
		return fmt.Errorf("answer is %s to %s", status, resp.Header.Get("Location"))
	}
	return fmt.Errorf("answer is %s", status)
}

// excerpt returns the start of an answer on one line.
func excerpt(b []byte) string {
	const most = 200
	s := strings.Join(strings.Fields(string(b)), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
