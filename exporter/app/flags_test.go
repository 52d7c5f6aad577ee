package app_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/app"
)

func parse(t *testing.T, args ...string) (app.Options, error) {
	t.Helper()
	command, options := app.NewCommand()
	_, err := command.Flags.Parse(args)
	return *options, err
}

func TestDefaults(t *testing.T) {
	o, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	if o.URL != "http://camunda-service:8080/engine-rest" || o.Window != 10*time.Second || o.SettleLag != time.Second ||
		o.RecountHorizon != 10*time.Minute || o.Timeout != 10*time.Second || o.RootOnly || o.Keys != nil || o.Tenants != nil ||
		!slices.Equal(*o.Web.Flags.WebListenAddresses, []string{":9750"}) || o.Web.TelemetryPath != "/metrics" {
		t.Errorf("got %+v", o)
	}
}

// Each bad value is refused with what is wrong and what is wanted instead.
func TestBadValues(t *testing.T) {
	for args, want := range map[string]string{
		"--camunda.window=-10s":         "--camunda.window: -10s is not a number of whole seconds above 0; want for example 10s",
		"--camunda.window=0s":           "--camunda.window: 0s is not a number of whole seconds above 0; want for example 10s",
		"--camunda.window=1500ms":       "--camunda.window: 1.5s is not a number of whole seconds above 0; want for example 10s",
		"--camunda.settle-lag=-1s":      "--camunda.settle-lag: -1s lies in the future; want 0s or more",
		"--camunda.timeout=0s":          "--camunda.timeout: 0s is not above 0; want for example 10s",
		"--camunda.recount-horizon=5s":  "--camunda.recount-horizon: 5s is shorter than the window of 10s; want for example 10m",
		"--camunda.url=camunda-service": `--camunda.url: "camunda-service" has no scheme http or https; want an absolute URL such as http://camunda-service:8080/engine-rest`,
		"--camunda.tenant=":             "--camunda.tenant: a value is empty; leave the flag out instead",
		"--camunda.tenant=a,b":          `--camunda.tenant: "a,b" holds a comma; repeat the flag for each value`,
		"--collector.interval=500ms":    "--collector.interval: 500ms is below 1s; want for example 5s",
		"--collector.timeout=0s":        "--collector.timeout: 0s is not above 0; want for example 1s",
		"--collector.external-tasks.topic=a --collector.external-tasks.topic=a": `--collector.external-tasks.topic: "a" is given twice`,
		"--collector.job": "unknown long flag '--collector.job'",
		"--camunda.process-definition-key=a --camunda.process-definition-key=a": `--camunda.process-definition-key: "a" is given twice`,
		"--camunda.window=10": `time: missing unit in duration "10"`,
		"--camunda.windw=10s": "unknown long flag '--camunda.windw'",
		"--camunda.window=0s --camunda.url=": `--camunda.url: "" has no scheme http or https; want an absolute URL such as http://camunda-service:8080/engine-rest` + "\n" +
			"--camunda.window: 0s is not a number of whole seconds above 0; want for example 10s",
	} {
		if _, err := parse(t, strings.Fields(args)...); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", args, err, want)
		}
	}
}

// Whatever a flag can say, an environment variable can.
func TestEnvironment(t *testing.T) {
	t.Setenv("CAMUNDA_EXPORTER_CAMUNDA_URL", "https://camunda/engine-rest")
	t.Setenv("CAMUNDA_EXPORTER_CAMUNDA_WINDOW", "1m")
	t.Setenv("CAMUNDA_EXPORTER_CAMUNDA_PROCESS_DEFINITION_KEY", "a\nb")
	t.Setenv("CAMUNDA_EXPORTER_CAMUNDA_ROOT_INSTANCES_ONLY", "true")
	t.Setenv("CAMUNDA_EXPORTER_WEB_LISTEN_ADDRESS", "127.0.0.1:1")
	o, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	if o.URL != "https://camunda/engine-rest" || o.Window != time.Minute || !o.RootOnly ||
		!slices.Equal(o.Keys, []string{"a", "b"}) || !slices.Equal(*o.Web.Flags.WebListenAddresses, []string{"127.0.0.1:1"}) {
		t.Errorf("got %+v", o)
	}
	command, _ := app.NewCommand()
	if _, err := command.Flags.Parse(nil); err != nil { // which sets the variables' names
		t.Fatal(err)
	}
	for _, f := range command.Flags.Model().Flags {
		if f.Envar == "" && !slices.Contains([]string{"help", "help-long", "help-man", "version"}, f.Name) && !strings.HasPrefix(f.Name, "completion-") {
			t.Errorf("--%s has no environment variable", f.Name)
		}
	}
}

// The README lists every flag with its default and environment variable.
func TestReadmeListsTheFlags(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	command, _ := app.NewCommand()
	for _, f := range command.Flags.Model().Flags {
		if !strings.HasPrefix(f.Name, "camunda.") && !strings.HasPrefix(f.Name, "collector.") {
			continue
		}
		if row := flagRow(f); !strings.Contains(string(readme), row) {
			t.Errorf("README.md lacks the line\n%s", row)
		}
	}
}

func flagRow(f *kingpin.FlagModel) string {
	value := strings.Join(f.Default, " ")
	if value != "" {
		value = "`" + value + "`"
	}
	return fmt.Sprintf("| `--%s` | %s | %s |", f.Name, value, f.Help)
}

// Collectors are turned on and off as node_exporter's are, also by variables.
func TestCollectorFlags(t *testing.T) {
	t.Setenv("CAMUNDA_EXPORTER_COLLECTOR_INCIDENTS", "false")
	o, err := parse(t, "--no-collector.finished", "--collector.external-tasks", "--collector.external-tasks.topic=a,b")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"jobs": false, "incidents": false, "finished": false, "external-tasks": true} {
		if on := o.Collectors[name]; on == nil || *on != want {
			t.Errorf("%s: want it on: %v", name, want)
		}
	}
	if !slices.Equal(o.Topics, []string{"a,b"}) {
		t.Errorf("topics %q", o.Topics)
	}
}
