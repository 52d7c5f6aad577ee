package check

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// scalerFile is the scaler's configuration in a rendering, "" if there is none.
func scalerFile(t *testing.T, rendered []byte) string {
	t.Helper()
	for _, o := range objects(t, rendered) {
		text, ok := at(o, "data", "config.yml").(string) // the exporter has one as well
		if ok && o["kind"] == "ConfigMap" && strings.HasSuffix(fmt.Sprint(at(o, "metadata", "name")), "-scaler") {
			return text
		}
	}
	return ""
}

// checker has the scaler itself check configurations, as the chart's hook does.
func checker(t *testing.T) func(text string) ([]byte, error) {
	t.Helper()
	top, err := root()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	program := filepath.Join(folder, "camunda-scaler")
	if _, err := run(filepath.Join(top, "scaler"), "go", "build", "-o", program, "./cmd/camunda-scaler"); err != nil {
		t.Fatal(err)
	}
	return func(text string) ([]byte, error) {
		if err := os.WriteFile(filepath.Join(folder, "config.yml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return run(folder, program, "check-config", "config.yml")
	}
}

func TestTheScalerAcceptsItsFile(t *testing.T) {
	check := checker(t)
	if _, err := check("targets: [{querry: x}]\n"); err == nil || !strings.Contains(err.Error(), "querry") {
		t.Fatalf("a wrong file is accepted: %v", err)
	}
	checked := 0
	eachRendering(t, func(t *testing.T, chart, values string) {
		if text := scalerFile(t, render(t, helm4, chart, values)); text != "" {
			checked++
			if _, err := check(text); err != nil {
				t.Errorf("%v\n%s", err, text)
			}
		}
	})
	if checked < 3 {
		t.Errorf("checked %d files: the test covers too little", checked)
	}
}

var setup = regexp.MustCompile("(?s)\n## ([^\n]+)\n.*?```yaml\n(.*?)```")

// The setups in the docs are values of this chart, and the scaler takes what
// becomes of them.
func TestSetupsInTheDocs(t *testing.T) {
	check := checker(t)
	setups := setup.FindAllStringSubmatch(string(read(t, "docs/setups.md")), -1)
	if want := strings.Count(string(read(t, "docs/setups.md")), "```yaml"); len(setups) != want || want == 0 {
		t.Fatalf("found %d of %d setups", len(setups), want)
	}
	for _, s := range setups {
		t.Run(s[1], func(t *testing.T) {
			values := filepath.Join(t.TempDir(), "values.yaml")
			if err := os.WriteFile(values, []byte(s[2]), 0o644); err != nil {
				t.Fatal(err)
			}
			out := needs(t, helm4, "template", "release", autoscaler, "--kube-version="+kubeVersion,
				"--set=scaler.config.prometheus.url=http://prometheus:9090", "--values="+values)
			if _, err := check(scalerFile(t, out)); err != nil {
				t.Error(err)
			}
		})
	}
}
