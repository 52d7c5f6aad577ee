package check

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// program builds the exporter or the scaler, and returns its path.
func program(t *testing.T, component string) string {
	t.Helper()
	top, err := root()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "camunda-"+component)
	if _, err := run(filepath.Join(top, component), "go", "build", "-o", path, "./cmd/camunda-"+component); err != nil {
		t.Fatal(err)
	}
	return path
}

// checker has the scaler itself check configurations, as the chart's hook does.
func checker(t *testing.T) func(text string, flags ...string) ([]byte, error) {
	t.Helper()
	scaler, folder := program(t, "scaler"), t.TempDir()
	return func(text string, flags ...string) ([]byte, error) {
		path := writeFile(t, filepath.Join(folder, "config.yml"), []byte(text))
		return run(folder, scaler, slices.Concat([]string{"check-config"}, flags, []string{path})...)
	}
}

// checkFlags are those of the hook in a rendering.
func checkFlags(t *testing.T, rendered []byte) []string {
	t.Helper()
	var flags []string
	for _, spec := range podSpecs(t, rendered) {
		if c := spec["containers"].([]any)[0].(map[string]any); c["name"] == "check-config" {
			args := c["args"].([]any)
			for _, arg := range args[1 : len(args)-1] { // between the command and the file
				flags = append(flags, arg.(string))
			}
		}
	}
	return flags
}

// The programs know every flag that the chart passes to them.
func TestProgramsAcceptTheirArguments(t *testing.T) {
	programs := map[string]string{"exporter": program(t, "exporter"), "scaler": program(t, "scaler")}
	programs["test"], programs["check-config"] = programs["scaler"], programs["scaler"]
	seen := map[string]bool{}
	for name, values := range valueSets(t) {
		t.Run(name, func(t *testing.T) {
			for _, spec := range podSpecs(t, render(t, helm4, autoscaler, valuesFile(t, merged(base(), values)))) {
				c := spec["containers"].([]any)[0].(map[string]any)
				path, key := programs[c["name"].(string)], fmt.Sprint(c["name"], c["args"])
				if path == "" || seen[key] {
					continue
				}
				seen[key] = true
				var args []string
				for _, arg := range c["args"].([]any) {
					args = append(args, arg.(string))
				}
				if _, err := run(".", path, append(args, "--version")...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if len(seen) < 10 {
		t.Errorf("tried only %d command lines", len(seen))
	}
	if _, err := run(".", programs["scaler"], "--no-such-flag", "--version"); err == nil {
		t.Error("a flag that does not exist is accepted")
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
