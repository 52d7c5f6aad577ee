package check

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The dashboards are what Grafana's own types say, down to each panel's
// options. This needs Node; without it the test is left out.
func TestGrafanaSchema(t *testing.T) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	top, err := root()
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "check.mjs"} {
		if err := os.WriteFile(filepath.Join(work, name), read(t, "tools/grafana-schema/"+name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := run(work, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, pattern := range []string{"dashboards/*.json", exampleDashboards} {
		found, err := filepath.Glob(filepath.Join(top, pattern))
		if err != nil || len(found) < 2 {
			t.Fatalf("%s matches %v (%v): the test covers too little", pattern, found, err)
		}
		paths = append(paths, found...)
	}
	if _, err := run(work, "node", append([]string{"check.mjs"}, paths...)...); err != nil {
		t.Error(err)
	}

	broken := filepath.Join(work, "broken.json")
	text := strings.Replace(string(read(t, "dashboards/scaler.json")), `"graphTooltip"`, `"grafTooltip"`, 1)
	if err := os.WriteFile(broken, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := run(work, "node", "check.mjs", broken); err == nil || !strings.Contains(err.Error(), "grafTooltip") {
		t.Errorf("a misspelt key is not found: %v", err)
	}
}
