package logging_test

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"github.com/camunda-autoscaler/camunda-autoscaler/service/logging"
)

const timestamp = `20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ`

// A line does not tell which library wrote it: keys and their order are the
// same.
func TestEveryLoggerWritesTheSameLine(t *testing.T) {
	for _, format := range []struct{ name, want string }{
		{"logfmt", `^ts=` + timestamp + ` level=info msg=hello target=camunda\n$`},
		{"json", `^{"level":"info","msg":"hello","target":"camunda","ts":"` + timestamp + `"}\n$`},
	} {
		var out bytes.Buffer
		loggers, err := logging.New(&out, logging.Config{Level: "info", Format: format.name})
		if err != nil {
			t.Fatal(err)
		}
		for name, write := range map[string]func(){
			"go-kit":             func() { level.Info(loggers.Kit).Log("msg", "hello", "target", "camunda") },
			"go-kit, level last": func() { loggers.Kit.Log("target", "camunda", "msg", "hello", "level", level.InfoValue()) },
			"go-kit, with":       func() { level.Info(log.With(loggers.Kit, "target", "camunda")).Log("msg", "hello") },
			"slog":               func() { loggers.Slog.Info("hello", "target", "camunda") },
			"slog, with":         func() { loggers.Slog.With("target", "camunda").Info("hello") },
			"logr":               func() { loggers.Logr.Info("hello", "target", "camunda") },
		} {
			t.Run(format.name+", "+name, func(t *testing.T) {
				out.Reset()
				write()
				if !regexp.MustCompile(format.want).MatchString(out.String()) {
					t.Errorf("got %q, want %s", out.String(), format.want)
				}
			})
		}
	}
}

// A key without a value is a mistake in the program; the line is kept, as
// go-kit does.
func TestOddNumberOfValuesLosesNothing(t *testing.T) {
	var out bytes.Buffer
	loggers, err := logging.New(&out, logging.Config{Level: "info", Format: "logfmt"})
	if err != nil {
		t.Fatal(err)
	}
	level.Info(loggers.Kit).Log("msg", "hello", "target")
	if !strings.HasSuffix(out.String(), " level=info msg=hello target=(MISSING)\n") {
		t.Errorf("got %q", out.String())
	}
}

func TestEveryLoggerObeysTheLevel(t *testing.T) {
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
	if !strings.HasSuffix(out.String(), " level=error msg=loud err=boom\n") {
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
