package engine

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
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/postgres"
)

//go:embed testdata/asynchronous.bpmn
var asynchronousBPMN string

// With authorization, what a user may not read does not exist for the user.
func TestEveryDistributionRunsInstances(t *testing.T) {
	t.Parallel()
	for _, d := range []Distribution{Camunda724, Operaton, Tomcat714} {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			ctx := startContext(t)
			e := start(t, ctx, Spec{Distribution: d, Authorization: true})
			if err := e.request(ctx, User{}, http.MethodGet, "/history/process-instance/count", nil, nil); err == nil {
				t.Error("the history can be read without a password")
			}
			deploy(t, ctx, e, Restricted)
			startInstance(t, ctx, e, Restricted)
			if got := historyCount(t, ctx, e, Restricted, ""); got != 0 {
				t.Errorf("the restricted user sees %d instances in history, want 0", got)
			}
			const instances = 200
			start := time.Now()
			for range instances - 1 {
				startInstance(t, ctx, e, Admin)
			}
			t.Logf("started %.0f instances a second, one after the other", (instances-1)/time.Since(start).Seconds())
			if got := historyCount(t, ctx, e, Admin, ""); got != instances {
				t.Errorf("the administrator sees %d instances in history, want %d", got, instances)
			}
			// Each has an asynchronous job to do.
			start = time.Now()
			awaitCount(t, ctx, e, "finished=true", instances)
			t.Logf("the last of %d jobs was done %s after the last start", instances, time.Since(start).Round(time.Millisecond))
		})
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, d := range []Distribution{Camunda724, Operaton, Tomcat714} {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			ctx := startContext(t)
			e := start(t, ctx, Spec{Distribution: d, HistoryLevel: "none", ContextPath: "/camunda/rest", TimeZone: "America/New_York"})
			deploy(t, ctx, e, Admin)
			startInstance(t, ctx, e, Admin)
			if got := historyCount(t, ctx, e, Admin, ""); got != 0 {
				t.Errorf("history has %d instances, want 0: its level is none", got)
			}
			var deployments []struct{ DeploymentTime string }
			if err := e.request(ctx, Admin, http.MethodGet, "/deployment", nil, &deployments); err != nil {
				t.Fatal(err)
			}
			at, err := time.Parse("2006-01-02T15:04:05.000-0700", deployments[0].DeploymentTime)
			if err != nil {
				t.Fatal(err)
			}
			if _, offset := at.Zone(); offset >= 0 {
				t.Errorf("the engine says %s, want a time in New York", deployments[0].DeploymentTime)
			}
		})
	}
}

func TestTwoNodesShareADatabase(t *testing.T) {
	t.Parallel()
	ctx := startContext(t)
	server, err := postgres.Start(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	spec := Spec{Distribution: Tomcat714, Database: Database{server.JDBCURL, server.User, server.Password}}
	first := start(t, ctx, spec)
	second := start(t, ctx, spec)
	deploy(t, ctx, first, Admin)
	startInstance(t, ctx, first, Admin)
	startInstance(t, ctx, second, Admin)
	for _, e := range []*Engine{first, second} {
		if got := historyCount(t, ctx, e, Admin, ""); got != 2 {
			t.Errorf("%s sees %d instances, want 2", e.URL, got)
		}
	}
	rows, err := server.QueryInt(ctx, "SELECT count(*) FROM act_hi_procinst")
	if err != nil || rows != 2 {
		t.Errorf("the database has %d instances (%v), want 2", rows, err)
	}
	first.Stop()
	if err := first.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if got := historyCount(t, ctx, first, Admin, ""); got != 2 {
		t.Errorf("started again, %s sees %d instances, want 2", first.URL, got)
	}
}

func TestPausedEngineHangs(t *testing.T) {
	t.Parallel()
	ctx := startContext(t)
	e := start(t, ctx, Spec{})
	e.Pause()
	// A busy machine stops a process a while after the signal.
	for hangs := false; !hangs; {
		hanging, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		if err := e.answers(hanging); hanging.Err() == nil && err != nil {
			t.Errorf("a paused engine neither hangs nor answers: %v", err)
		}
		hangs = hanging.Err() != nil
		cancel()
	}
	e.Resume()
	if err := e.answers(ctx); err != nil {
		t.Errorf("after Resume: %v", err)
	}
	e.Stop()
	e.Stop() // harmless
	if err := e.answers(ctx); err == nil {
		t.Error("a stopped engine answers")
	}
}

func startContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute) // a first build included
	t.Cleanup(cancel)
	return ctx
}

func start(t *testing.T, ctx context.Context, spec Spec) *Engine {
	t.Helper()
	start := time.Now()
	e, err := Start(ctx, t.TempDir(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Kill)
	t.Logf("%s started in %s", spec.Distribution, time.Since(start).Round(100*time.Millisecond))
	return e
}

func deploy(t *testing.T, ctx context.Context, e *Engine, as User) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	_ = form.WriteField("deployment-name", "test")
	file, _ := form.CreateFormFile("data", "asynchronous.bpmn")
	_, _ = io.WriteString(file, asynchronousBPMN)
	form.Close()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL+"/deployment/create", &body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", form.FormDataContentType())
	if err := e.send(request, as, nil); err != nil {
		t.Fatal(err)
	}
}

func startInstance(t *testing.T, ctx context.Context, e *Engine, as User) {
	t.Helper()
	if err := e.request(ctx, as, http.MethodPost, "/process-definition/key/asynchronous/start", json.RawMessage("{}"), nil); err != nil {
		t.Fatal(err)
	}
}

func historyCount(t *testing.T, ctx context.Context, e *Engine, as User, query string) int {
	t.Helper()
	var answer struct{ Count int }
	if err := e.request(ctx, as, http.MethodGet, "/history/process-instance/count?"+query, nil, &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Count
}

func awaitCount(t *testing.T, ctx context.Context, e *Engine, query string, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err := e.process.Await(ctx, query, func(context.Context) error {
		if got := historyCount(t, ctx, e, Admin, query); got != want {
			return fmt.Errorf("%d instances, want %d", got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
