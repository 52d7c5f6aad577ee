package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Tokens in query parameters and headers reach Prometheus, and nothing that the
// program prints: not its log, not /config, not check-config, not an error.
func TestTokensAreNotShown(t *testing.T) {
	prometheus, apiServer, _ := parts(t)
	path := filepath.Join(t.TempDir(), "scaler.yml")
	write := func(address string) {
		t.Helper()
		text := "prometheus:\n  url: " + address + "/?key=HIDDEN1\n  params: {token: [HIDDEN2]}\n" +
			"  http_client: {http_headers: {X-Api-Key: {values: [HIDDEN3]}}}\ntargets: [{}]\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	nothing := func(where, text string) {
		t.Helper()
		if text == "" || strings.Contains(text, "HIDDEN") {
			t.Errorf("%s: %q", where, text)
		}
	}

	for name, address := range map[string]string{"with Prometheus": prometheus, "without": "http://127.0.0.1:1"} {
		t.Run(name, func(t *testing.T) {
			write(address)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var log buffer
			code := make(chan int, 1)
			go func() {
				code <- run(ctx, []string{"--config.file", path, "--kubeconfig", kubeconfig(t, apiServer), "--web.listen-address", "127.0.0.1:0"}, nil, io.Discard, &log)
			}()
			resp, err := http.Get("http://" + log.address(ctx) + "/config")
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			nothing("/config", string(text))
			for !strings.Contains(log.String(), "reason=") { // a decision was logged
				time.Sleep(time.Millisecond)
			}
			stop()
			if c := <-code; c != 0 {
				t.Errorf("exit code %d", c)
			}
			nothing("log", log.String())
			if !strings.Contains(log.String(), "prometheus=") {
				t.Error(log.String())
			}
		})
	}

	write("ftp://prometheus")
	var stdout, stderr buffer
	run(t.Context(), []string{"check-config", path}, nil, &stdout, &stderr)
	nothing("error", stderr.String())
	write(prometheus)
	run(t.Context(), []string{"check-config", path}, nil, &stdout, &stderr)
	nothing("check-config", stdout.String())
}
