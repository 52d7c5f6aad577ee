package config

import (
	"os"
	"strings"
	"testing"
)

// What the pages show is valid.
func TestExamples(t *testing.T) {
	for path, targets := range map[string]int{referencePath: 3, "../../README.md": 1, triggersDoc: 1} {
		c, err := Parse(path, []byte(example(t, path)))
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Targets) != targets {
			t.Errorf("%s: got %d targets, want %d", path, len(c.Targets), targets)
		}
	}
}

// example returns a file's first example in YAML.
func example(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "```yaml\n")
	example, _, ok := strings.Cut(after, "```")
	if !ok {
		t.Fatalf("%s has no example", path)
	}
	return example
}
