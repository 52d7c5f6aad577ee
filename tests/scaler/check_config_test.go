package scaler

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// check-config --query shows what a real Prometheus gives, and how far apart
// it scrapes.
func TestCheckConfigQueries(t *testing.T) {
	t.Parallel()
	server := startPrometheus(t, newScraped(t, started(119)), 2*time.Second)
	r := newReader(t, server.URL, recentlyStarted, "")
	for seen := map[time.Time]bool{}; len(seen) < 4; time.Sleep(100 * time.Millisecond) {
		if res := r.Read(t.Context()); res.Outcome == sample.Value {
			seen[res.Timestamp] = true
		}
	}
	file := filepath.Join(t.TempDir(), "scaler.yml")
	text := fmt.Sprintf(`
prometheus: {url: %s}
targets:
  - {name: camunda, workload: {name: camunda-deployment}, query: '%s'}
  - {name: gone, workload: {name: gone}, query: no_such_metric}
`, server.URL, recentlyStarted)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "check-config", "--query", file)
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d, want 1: a target has no sample", code)
	}
	for _, want := range []string{
		`(?m)^  now +119, [0-9.]+m?s old; samples 2s apart; stale after 30s$`,
		`(?m)^  at 1 +up to 2 \(load_high\), 119 per replica$`,
		`(?m)^  at 3 +stays \(within_bounds\), 39.67 per replica$`,
		`(?m)^  now +no_data$`,
		`1 of 2 targets have no sample`,
	} {
		if !regexp.MustCompile(want).Match(out) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
}
