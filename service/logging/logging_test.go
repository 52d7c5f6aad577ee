package logging_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/go-kit/log/level"
	"github.com/go-logfmt/logfmt"

	"github.com/camunda-autoscaler/camunda-autoscaler/service/logging"
)

// Whoever greps the log need not know which library wrote a line.
func TestEveryPathPrintsTheSameKeys(t *testing.T) {
	var out bytes.Buffer
	loggers, err := logging.New(&out, logging.Config{Level: "info", Format: "logfmt"})
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]func(){
		"go-kit": func() { level.Info(loggers.Kit).Log("msg", "hello", "target", "camunda") },
		"slog":   func() { loggers.Slog.Info("hello", "target", "camunda") },
		"logr":   func() { loggers.Logr.Info("hello", "target", "camunda") },
	}
	for name, write := range paths {
		t.Run(name, func(t *testing.T) {
			out.Reset()
			write()
			line := parse(t, out.String())
			if got, want := keys(line), []string{"caller", "level", "msg", "target", "ts"}; !slices.Equal(got, want) {
				t.Errorf("keys %v, want %v in %q", got, want, out.String())
			}
			if line["level"] != "info" || line["msg"] != "hello" || line["target"] != "camunda" {
				t.Errorf("unexpected values in %q", out.String())
			}
			if !strings.HasPrefix(line["caller"], "logging_test.go:") {
				t.Errorf("caller=%s, want the place of the call", line["caller"])
			}
		})
	}
}

func TestEveryPathObeysTheLevel(t *testing.T) {
	var out bytes.Buffer
	loggers, err := logging.New(&out, logging.Config{Level: "error", Format: "logfmt"})
	if err != nil {
		t.Fatal(err)
	}
	level.Warn(loggers.Kit).Log("msg", "quiet")
	loggers.Slog.Warn("quiet")
	loggers.Logr.Info("quiet")
	if out.Len() > 0 {
		t.Errorf("logged below its level: %q", out.String())
	}
	loggers.Logr.Error(errors.New("boom"), "loud")
	if line := parse(t, out.String()); line["level"] != "error" || line["err"] != "boom" {
		t.Errorf("got %q, want level=error and err=boom", out.String())
	}
}

func TestBadConfig(t *testing.T) {
	for _, c := range []logging.Config{{Level: "loud", Format: "logfmt"}, {Level: "info", Format: "xml"}} {
		if _, err := logging.New(&bytes.Buffer{}, c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}

func parse(t *testing.T, line string) map[string]string {
	t.Helper()
	got := map[string]string{}
	d := logfmt.NewDecoder(strings.NewReader(line))
	for d.ScanRecord() {
		for d.ScanKeyval() {
			if _, twice := got[string(d.Key())]; twice {
				t.Errorf("key %q twice in %q", d.Key(), line)
			}
			got[string(d.Key())] = string(d.Value())
		}
	}
	if d.Err() != nil {
		t.Fatalf("%q is not logfmt: %v", line, d.Err())
	}
	return got
}

func keys(m map[string]string) []string {
	var ks []string
	for k := range m {
		ks = append(ks, k)
	}
	slices.Sort(ks)
	return ks
}
