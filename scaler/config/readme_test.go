package config

import (
	"os"
	"strings"
	"testing"
)

// The READMEs' examples have to be valid.
func TestReadmeExamples(t *testing.T) {
	for path, targets := range map[string]int{"../README.md": 2, "../../README.md": 1} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(text), "```yaml\n")
		example, _, ok := strings.Cut(after, "```")
		if !ok {
			t.Fatalf("%s has no example", path)
		}
		c, err := Parse(path, []byte(example))
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Targets) != targets {
			t.Errorf("%s: got %d targets, want %d", path, len(c.Targets), targets)
		}
	}
}
