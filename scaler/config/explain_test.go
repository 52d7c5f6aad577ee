package config

import (
	"os"
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	for _, name := range []string{"full", "everything"} {
		c, err := Load("testdata/" + name + ".yml")
		if err != nil {
			t.Fatal(err)
		}
		got, golden := c.Explain(), "testdata/"+name+".explained.txt"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
}

// A target without anything new is explained by a line each for what it asks,
// what it does and what it does not do.
func TestExplainTheDefault(t *testing.T) {
	c, err := Parse("x.yml", []byte("targets: [{}]"))
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"trigger", "Calendar", "waits", "at once", "empty", "Without"} {
		if strings.Contains(c.Explain(), word) {
			t.Errorf("%q in\n%s", word, c.Explain())
		}
	}
}

func TestExplainManyReplicas(t *testing.T) {
	c, err := Parse("x.yml", []byte("targets: [{rule: {max_replicas: 2147483647}}]"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(c.Explain(), "    at "); got != 7 {
		t.Errorf("%d lines, want 7:\n%s", got, c.Explain())
	}
}
