package service_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-kit/log/level"

	"github.com/camunda-autoscaler/camunda-autoscaler/service"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/logging"
)

func TestExitCodes(t *testing.T) {
	for name, test := range map[string]struct {
		args           []string
		err            error // of the command
		code           int
		ran            bool
		stdout, stderr string
	}{
		"done":             {nil, nil, 0, true, "", "level=info msg=running"},
		"help":             {[]string{"--help"}, nil, 0, false, "--web.listen-address", ""},
		"help and a fault": {[]string{"--help", "--number=x"}, nil, 0, false, "--web.listen-address", ""},
		"version":          {[]string{"--version"}, nil, 0, false, "program, version ", ""},
		"unknown flag":     {[]string{"--numbr=1"}, nil, 2, false, "", "program: error: unknown long flag '--numbr', try --help\n"},
		"wrong value":      {[]string{"--number=x"}, nil, 2, false, "", "program: error: "},
		"wrong path":       {[]string{"--web.telemetry-path=metrics"}, nil, 2, false, "", `--web.telemetry-path: "metrics"`},
		"wrong log level":  {[]string{"--log.level=loud"}, nil, 2, false, "", "loud"},
		"more arguments":   {[]string{"x"}, nil, 2, false, "", "unexpected x, try --help"},
		"usage error":      {nil, fmt.Errorf("wrapped: %w", &service.UsageError{Err: errors.New("no such file")}), 2, true, "", "wrapped: no such file\n"},
		"failure":          {nil, errors.New("address in use"), 1, true, "", `level=error msg="exiting on an error" err="address in use"`},
	} {
		t.Run(name, func(t *testing.T) {
			ran := false
			c := service.NewCommand("program", "Does something.", ":0")
			c.Flags.Flag("number", "").Int()
			c.Run = func(_ context.Context, logs logging.Loggers) error {
				ran = true
				level.Info(logs.Kit).Log("msg", "running")
				return test.err
			}
			var stdout, stderr bytes.Buffer
			code := c.Execute(t.Context(), test.args, &stdout, &stderr)
			if code != test.code || ran != test.ran {
				t.Errorf("exit code %d, want %d; ran: %t, want %t", code, test.code, ran, test.ran)
			}
			for _, output := range []struct{ name, got, want string }{{"stdout", stdout.String(), test.stdout}, {"stderr", stderr.String(), test.stderr}} {
				if !strings.Contains(output.got, output.want) || (output.want == "") != (output.got == "") {
					t.Errorf("%s is %q, want %q in it", output.name, output.got, output.want)
				}
			}
		})
	}
}

func TestEnvironmentSetsFlags(t *testing.T) {
	t.Setenv("PROGRAM_WEB_TELEMETRY_PATH", "bad")
	c := service.NewCommand("program", "", ":0")
	var stderr bytes.Buffer
	if code := c.Execute(t.Context(), nil, &stderr, &stderr); code != 2 || !strings.Contains(stderr.String(), `"bad"`) {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
}

// A plain go build has no linker flags, and still says what it is.
func TestVersionIsNeverEmpty(t *testing.T) {
	if v := service.Version(); v == "" || v == "(devel)" {
		t.Errorf("version %q", v)
	}
	if text := service.VersionText("program"); !strings.HasPrefix(text, "program, version "+service.Version()+" (revision: ") {
		t.Errorf("--version prints %q", text)
	}
	families, err := service.NewRegistry("camunda_test").Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "camunda_test_build_info" {
			continue
		}
		for _, l := range f.GetMetric()[0].GetLabel() {
			if l.GetName() == "version" && l.GetValue() == service.Version() {
				return
			}
		}
	}
	t.Errorf("no build_info with version %q", service.Version())
}
