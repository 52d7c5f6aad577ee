package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/klog/v2"
)

// buffer may be written and read at once.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// address waits for the line that says where the program listens.
func (b *buffer) address(ctx context.Context) string {
	for ctx.Err() == nil {
		if m := regexp.MustCompile(`msg="Listening on" address=(\S+)`).FindStringSubmatch(b.String()); m != nil {
			return m[1]
		}
		time.Sleep(time.Millisecond)
	}
	return ""
}

func kubeconfig(t *testing.T, server string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: %q}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\ncurrent-context: c\nusers: [{name: u, user: {}}]\n", server)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// parts are a Prometheus with a load of 500 that was scraped a second ago, and
// an API server with one Deployment.
func parts(t *testing.T) (prometheus, apiServer string, agents *sync.Map) {
	agents = &sync.Map{}
	p := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		agents.Store("prometheus", r.UserAgent())
		now := float64(time.Now().UnixMilli()) / 1000
		series := func(part, value string) string {
			return fmt.Sprintf(`{"metric":{"__camunda_scaler__":%q},"value":[%f,%q]}`, part, now, value)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[%s,%s,%s]}}`,
			series("value", "500"), series("time", fmt.Sprint(now-1)), series("now", "0"))
	}))
	t.Cleanup(p.Close)
	k := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		agents.Store("kubernetes", r.UserAgent())
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/apis/apps/v1/namespaces/default/deployments":
			if r.FormValue("watch") != "" {
				w.(http.Flusher).Flush()
				<-r.Context().Done()
				return
			}
			fmt.Fprint(w, `{"kind":"DeploymentList","apiVersion":"apps/v1","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"camunda-deployment","resourceVersion":"7"}}]}`)
		case "/apis/apps/v1/namespaces/default/deployments/camunda-deployment/scale":
			fmt.Fprint(w, `{"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"resourceVersion":"7"},"spec":{"replicas":1}}`)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(k.Close)
	return p.URL, k.URL, agents
}

func TestOnce(t *testing.T) {
	prometheus, apiServer, agents := parts(t)
	var log buffer
	if code := run(t.Context(), []string{"--once", "--prometheus.url", prometheus, "--kubeconfig", kubeconfig(t, apiServer)}, nil, io.Discard, &log); code != 0 {
		t.Fatalf("exit code %d\n%s", code, log.String())
	}
	if !strings.Contains(log.String(), "msg=scaled target=camunda-deployment namespace=default workload=deployment/camunda-deployment action=up from=1 to=2 value=500 per_instance=500 bound=50 reason=load_high") {
		t.Error(log.String())
	}
	for _, server := range []string{"prometheus", "kubernetes"} {
		if agent, _ := agents.Load(server); !strings.HasPrefix(fmt.Sprint(agent), "camunda-scaler/") {
			t.Errorf("%s saw the user agent %v", server, agent)
		}
	}
}

func TestExitCodes(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.yml")
	if err := os.WriteFile(bad, []byte("targets:\n  - querry: x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--no-such-flag"}, 2, "unknown long flag '--no-such-flag'"},
		{[]string{"--rule.scale-up-at=fifty"}, 2, "fifty"},
		{[]string{"--config.file", bad}, 2, bad + ":2: targets[0].querry: unknown key, did you mean query?"},
		{[]string{"--config.file", "no/such/file"}, 2, "no/such/file"},
		{[]string{"--kubeconfig", ""}, 1, "find the API server: "},
		{[]string{"--kubeconfig", "no/such/file"}, 1, "no/such/file"},
		{[]string{"--kubeconfig", kubeconfig(t, "http://127.0.0.1:1"), "--web.listen-address", "999.0.0.1:0"}, 1, "serve HTTP"},
	} {
		var log buffer
		if code := run(t.Context(), c.args, nil, io.Discard, &log); code != c.code || !strings.Contains(log.String(), c.want) {
			t.Errorf("%q: got exit code %d, %s\nwant %d, %s", c.args, code, log.String(), c.code, c.want)
		}
	}
}

func TestCheckConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scaler.yml")
	for _, c := range []struct {
		text, stdout, stderr string
		code                 int
	}{
		{"targets: [{}]", "at 2: up at 100 or more, down at 40 or less", "", 0},
		{"targets:\n  - querry: x\n", "", ":2: targets[0].querry: unknown key, did you mean query?", 2},
		{"targets: [{rule: {scale_down_at: 25}}]", "", "a constant load of 50 makes the target flap between 1 and 2 replicas", 2},
		{"targets: [{rule: {scale_down_at: 25, allow_flapping: true}}]", "allow_flapping accepts that.", "", 0},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr buffer
		code := run(t.Context(), []string{"check-config", path}, nil, &stdout, &stderr)
		if code != c.code || !strings.Contains(stdout.String(), c.stdout) || !strings.Contains(stderr.String(), c.stderr) || (c.stderr == "") != (stderr.String() == "") {
			t.Errorf("%s: exit code %d\n%s%s", c.text, code, stdout.String(), stderr.String())
		}
	}
	if code := run(t.Context(), []string{"check-config"}, nil, io.Discard, io.Discard); code != 2 {
		t.Errorf("without a file: exit code %d, want 2", code)
	}

	if err := os.WriteFile(path, []byte("targets: [{query: sum(x) default 0}]"), 0o644); err != nil { // no PromQL
		t.Fatal(err)
	}
	if code := run(t.Context(), []string{"check-config", "--no-promql", path}, nil, io.Discard, io.Discard); code != 0 {
		t.Errorf("--no-promql: exit code %d, want 0", code)
	}
	if err := os.WriteFile(path, []byte("targets: [{query: sum(x)}]"), 0o644); err != nil { // a warning
		t.Fatal(err)
	}
	for args, want := range map[string]int{"": 0, "--strict": 2} {
		var stdout, stderr buffer
		code := run(t.Context(), append([]string{"check-config", path}, strings.Fields(args)...), nil, &stdout, &stderr)
		if code != want || !strings.Contains(stderr.String(), path+":1: targets[0].query: the age of its samples is unknown") || strings.Contains(stdout.String(), "is valid, with 1 warning.") != (want == 0) {
			t.Errorf("%s: exit code %d\n%s%s", args, code, stdout.String(), stderr.String())
		}
	}
}

// The project's own lines, those of the web server and those of client-go are
// one log.
func TestRunsUntilStopped(t *testing.T) {
	prometheus, apiServer, _ := parts(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var log buffer
	done := make(chan int)
	go func() {
		done <- run(ctx, []string{"--prometheus.url", prometheus, "--kubeconfig", kubeconfig(t, apiServer), "--web.listen-address", "127.0.0.1:0"}, nil, io.Discard, &log)
	}()
	address := log.address(ctx)
	for _, path := range []string{"/", "/metrics", "/-/healthy"} {
		resp, err := http.Get("http://" + address + path)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %v %v", path, resp, err)
		}
		resp.Body.Close()
	}
	klog.Info("from client-go")
	stop()
	if code := <-done; code != 0 {
		t.Errorf("exit code %d", code)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(log.String()), "\n") {
		for _, key := range []string{"ts=", " level=", " msg="} {
			if !strings.Contains(line, key) {
				t.Errorf("no %s in %s", key, line)
			}
		}
	}
	if !strings.Contains(log.String(), `msg="from client-go"`) || !strings.Contains(log.String(), "msg=stopped") {
		t.Error(log.String())
	}
}
