package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
)

// output keeps the log, and calls onLine for each line.
type output struct {
	mu     sync.Mutex
	text   bytes.Buffer
	onLine func(line string)
}

func (o *output) Write(p []byte) (int, error) {
	o.onLine(string(p))
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Bad input exits with a code other than 0, and an error that tells what to do
// instead.
func TestExitCodes(t *testing.T) {
	for name, test := range map[string]struct {
		arg  string
		code int
		text string
	}{
		"stopped":      {"--web.listen-address=127.0.0.1:0", 0, "msg=stopped"},
		"unknown flag": {"--camunda.windw=10s", 2, "camunda-exporter: error: unknown long flag '--camunda.windw', try --help"},
		"bad value":    {"--camunda.window=-1s", 2, "--camunda.window: -1s is not a number of whole seconds above 0"},
		"bad path":     {"--web.telemetry-path=metrics", 2, `--web.telemetry-path: "metrics" is not free`},
		"missing file": {"--camunda.config.file=/no/such/file", 2, "/no/such/file"},
		"bad address":  {"--web.listen-address=nowhere:::1", 1, "nowhere:::1"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			out := &output{onLine: func(line string) {
				if strings.Contains(line, "Listening on") {
					stop()
				}
			}}
			if code := run(ctx, []string{test.arg}, io.Discard, out); code != test.code || !strings.Contains(out.String(), test.text) {
				t.Errorf("exit code %d, want %d and %q:\n%s", code, test.code, test.text, out)
			}
		})
	}
}
