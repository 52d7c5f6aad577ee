package bare

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/parts"
)

// A bare cluster has the chart's topics and configuration, with this machine's values.
func TestChartValues(t *testing.T) {
	p := parts.Parts{Example: ".."}
	v, err := chartValues(p)
	if err != nil {
		t.Fatal(err)
	}
	if v.Heap != "200m" || v.Topics["posts"]["partitions"] != 3 {
		t.Errorf("heap %s, posts %v", v.Heap, v.Topics["posts"])
	}
	folder := t.TempDir()
	if err := writeConfig(folder, p, v); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "server.properties"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"min.insync.replicas=2\n", "log.cleaner.dedupe.buffer.size=4194304\n"} {
		if !strings.Contains(string(text), line) {
			t.Errorf("%q is missing", line)
		}
	}
}
