package main

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
)

// output keeps what is logged, and calls heard for each line.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	heard func(line string)
}

func (o *output) Write(p []byte) (int, error) {
	o.heard(string(p))
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Bad input ends with a code other than 0 and says what to do instead.
func TestExitCodes(t *testing.T) {
	for _, test := range []struct {
		args []string
		code int
		text string
	}{
		{[]string{"--web.listen-address=127.0.0.1:0"}, 0, "msg=stopped"},
		{[]string{"--camunda.windw=10s"}, 1, "camunda-exporter: error: unknown long flag '--camunda.windw', try --help"},
		{[]string{"--camunda.window=-1s"}, 1, "--camunda.window: -1s is not a number of whole seconds above 0"},
		{[]string{"--camunda.config.file=/no/such/file"}, 1, "/no/such/file"},
		{[]string{"--web.listen-address=nowhere:::1"}, 1, "nowhere:::1"},
	} {
		ctx, stop := context.WithCancel(t.Context())
		out := &output{heard: func(line string) {
			if strings.Contains(line, "Listening on") {
				stop()
			}
		}}
		if code := run(ctx, test.args, out); code != test.code || !strings.Contains(out.String(), test.text) {
			t.Errorf("%v: code %d, want %d and %q:\n%s", test.args, code, test.code, test.text, out)
		}
		stop()
	}
}
