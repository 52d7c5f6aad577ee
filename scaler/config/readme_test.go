package config

import (
	"os"
	"strings"
	"testing"
)

// The README's example has to be valid.
func TestReadmeExample(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "```yaml\n")
	example, _, ok := strings.Cut(after, "```")
	if !ok {
		t.Fatal("no example")
	}
	c, err := Parse("README.md", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Targets) != 2 {
		t.Errorf("got %d targets, want 2", len(c.Targets))
	}
}
