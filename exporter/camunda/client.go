// Package camunda asks a Camunda 7 engine, or Operaton, over its REST API.
// Every request is typed, every failure is an *Error with one of a closed set
// of causes, and an answer that is not what was asked for is a failure.
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

// The endpoints in use.
const (
	HistoryCount Endpoint = "history_count" // GET history/process-instance/count
	HistoryList  Endpoint = "history_list"  // GET history/process-instance
	RunningList  Endpoint = "running_list"  // GET process-instance
	MetricsSum   Endpoint = "metrics_sum"   // GET metrics/NAME/sum

	FinishedCount      Endpoint = "finished_count"       // GET history/process-instance/count, by end time
	RunningCount       Endpoint = "running_count"        // GET process-instance/count
	IncidentCount      Endpoint = "incident_count"       // GET incident/count
	JobCount           Endpoint = "job_count"            // GET job/count
	ExternalTaskTopics Endpoint = "external_task_topics" // GET external-task/topic-names
	ExternalTaskCount  Endpoint = "external_task_count"  // GET external-task/count
	UserTaskCount      Endpoint = "user_task_count"      // GET task/count
)

// Endpoints returns every endpoint.
func Endpoints() []Endpoint {
	return []Endpoint{
		HistoryCount, HistoryList, RunningList, MetricsSum,
		FinishedCount, RunningCount, IncidentCount, JobCount, ExternalTaskTopics, ExternalTaskCount, UserTaskCount,
	}
}

// maxBody bounds what is read of an answer, in bytes. All but the list of
// external tasks' topics are expected to be below 2 kB.
const maxBody = 64 << 10

// Client asks one engine. It may be used by several goroutines at once.
type Client struct {
	base    string
	http    *http.Client
	metrics *Metrics
	pauses  pauses
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

// Answer is what every answer tells besides what was asked for.
type Answer struct {
	// Skew is how far the engine's clock is ahead of ours, give or take
	// SkewError, and HasSkew whether the answer told its time at all.
	Skew, SkewError time.Duration
	HasSkew         bool
}

// SkewExceeds reports whether the engine's clock is certain to differ from ours
// by more than d. An answer that took long is no proof of that.
func (a Answer) SkewExceeds(d time.Duration) bool {
	return a.HasSkew && a.Skew.Abs()-a.SkewError > d
}

// get asks for path below the base and hands the body of a good answer to
// decode.
func (c *Client) get(ctx context.Context, e Endpoint, path string, query url.Values, decode func([]byte) error) (Answer, error) {
	if err := c.pauses.check(e, time.Now()); err != nil {
		return Answer{}, err
	}
	begin := time.Now()
	answer, cause, err := c.ask(ctx, c.address(path, query), decode)
	end := time.Now()
	c.metrics.observe(e, end.Sub(begin), cause)
	if err != nil {
		err := &Error{Endpoint: e, Cause: cause, Err: err}
		c.pauses.failed(err, end)
		return Answer{}, err
	}
	c.pauses.succeeded(e)
	return answer, nil
}

func (c *Client) address(path string, query url.Values) string {
	if len(query) == 0 {
		return c.base + path
	}
	return c.base + path + "?" + query.Encode()
}

func (c *Client) ask(ctx context.Context, address string, decode func([]byte) error) (Answer, Cause, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return Answer{}, Connection, err
	}
	req.Header.Set("Accept", "application/json")
	begin := time.Now()
	resp, err := c.http.Do(req)
	if err != nil {
		cause := transportCause(ctx, err)
		var long *url.Error
		if errors.As(err, &long) {
			err = long.Err // without the address, which hides the reason in the log
		}
		return Answer{}, cause, err
	}
	defer resp.Body.Close()
	took := time.Since(begin)
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if cause := statusCause(resp.StatusCode); cause != "" {
		return Answer{}, cause, statusError(resp, body)
	}
	if err != nil {
		return Answer{}, transportCause(ctx, err), fmt.Errorf("read the answer: %w", err)
	}
	if !isJSON(resp.Header) {
		return Answer{}, NotJSON, fmt.Errorf("answer is %q instead of application/json%s", resp.Header.Get("Content-Type"), urlHint)
	}
	if len(body) > maxBody {
		return Answer{}, Nonsense, fmt.Errorf("answer has more than %d bytes", maxBody)
	}
	if !json.Valid(body) {
		return Answer{}, NotJSON, fmt.Errorf("answer is not JSON: %s", excerpt(body))
	}
	if err := decode(body); err != nil {
		return Answer{}, Nonsense, fmt.Errorf("%w in the answer %s", err, excerpt(body))
	}
	return answerOf(resp.Header, begin, took), "", nil
}

// urlHint helps with the most frequent mistake.
const urlHint = " (does the URL end where the REST API begins, as in http://camunda-service:8080/engine-rest?)"

func isJSON(h http.Header) bool {
	mediaType, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && mediaType == "application/json"
}

// answerOf reads the clock of whoever answered. The header is cut off to whole
// seconds, so the middle of that second is its best estimate; when it was
// written is not known either, but that it was while we waited.
func answerOf(h http.Header, begin time.Time, took time.Duration) Answer {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return Answer{}
	}
	return Answer{Skew: date.Add(time.Second / 2).Sub(begin.Add(took / 2)), SkewError: (time.Second + took) / 2, HasSkew: true}
}

// statusError describes an answer with a bad status by the engine's own words,
// if it has any.
func statusError(resp *http.Response, body []byte) error {
	var words struct{ Type, Message string }
	status := strings.TrimSpace(resp.Status) // some servers leave the reason out
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		return errors.New("answer is 401 Unauthorized: the engine does not accept the credentials, or wants some")
	case isJSON(resp.Header) && json.Unmarshal(body, &words) == nil && words.Message != "":
		return fmt.Errorf("answer is %s: %s: %s", status, words.Type, excerpt([]byte(words.Message)))
	case resp.StatusCode == http.StatusNotFound:
		return fmt.Errorf("answer is %s without JSON%s", status, urlHint)
	case resp.Header.Get("Location") != "":
		return fmt.Errorf("answer is %s to %s", status, resp.Header.Get("Location"))
	}
	return fmt.Errorf("answer is %s", status)
}

// excerpt returns the beginning of an answer on one line.
func excerpt(b []byte) string {
	const most = 200
	s := strings.Join(strings.Fields(string(b)), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
