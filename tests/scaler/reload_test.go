package scaler

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestReload(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 1)
	createWorkload(t, ns, "Deployment", "other", 1)
	prom := startPrometheus(t, newScraped(t, started(120)), time.Second)
	path := filepath.Join(t.TempDir(), "scaler.yml")
	write := func(targets string) {
		t.Helper()
		text := fmt.Sprintf("prometheus: {url: %q, http_client: {proxy_from_environment: true, proxy_connect_header: {X-Key: [hidden]}}}\ninterval: 1s\ntargets:\n%s", prom.URL, strings.ReplaceAll(targets, "NS", ns))
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const camunda, other = "  - {name: camunda, workload: {namespace: NS}}\n", "  - {name: other, workload: {namespace: NS, name: other}, paused: true}\n"
	write(camunda + other)
	s := startScaler(t, nil, "--config.file="+path)
	awaitReplicas(t, ns, 3)
	s.awaitReason(t, 0, "paused")
	if text := fetch(t, s, "/metrics", http.StatusOK); !strings.Contains(text, `camunda_scaler_holding{reason="paused",target="other"} 1`) || !strings.Contains(text, `camunda_scaler_paused{target="other"} 1`) {
		t.Error(text)
	}

	reload := func(want int) string {
		t.Helper()
		resp, err := http.Post("http://"+s.address+"/-/reload", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body := make([]byte, 1000)
		n, _ := resp.Body.Read(body)
		if resp.StatusCode != want {
			t.Errorf("status %d, want %d: %s", resp.StatusCode, want, body[:n])
		}
		return string(body[:n])
	}
	// A broken file changes nothing.
	write("  - {nam: camunda}\n")
	if got := reload(http.StatusInternalServerError); !strings.Contains(got, "targets[0].nam: unknown key, did you mean name?") {
		t.Error(got)
	}
	if text := fetch(t, s, "/metrics", http.StatusOK); !strings.Contains(text, "camunda_scaler_config_last_reload_successful 0\n") || !strings.Contains(text, `camunda_scaler_replicas{target="other"}`) {
		t.Error(text)
	}
	s.awaitReason(t, len(s.decisions(t)), "within_bounds")

	// One target goes, and its series with it; the other goes on.
	write(camunda)
	reload(http.StatusOK)
	text := fetch(t, s, "/metrics", http.StatusOK)
	if !strings.Contains(text, "camunda_scaler_config_last_reload_successful 1\n") || strings.Contains(text, `target="other"`) || !strings.Contains(text, `camunda_scaler_replicas{target="camunda"} 3`) {
		t.Error(text)
	}
	// SIGHUP does the same.
	write("  - {name: camunda, workload: {namespace: NS}, rule: {scale_up_at: 35, scale_down_at: 10}}\n")
	if err := syscall.Kill(s.PID(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	awaitReplicas(t, ns, 4)
	if got := fetch(t, s, "/config", http.StatusOK); strings.Contains(got, "hidden") || !strings.Contains(got, "scale_up_at: 35") {
		t.Error(got)
	}
}
