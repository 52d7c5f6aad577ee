package command

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// What the READMEs tell to type is understood.
func TestReadmeCommands(t *testing.T) {
	command := regexp.MustCompile(`(?m)^ *(?:bin/)?camunda-scaler ([^#\n]*)`)
	target := regexp.MustCompile("(?m)(?:^|`)make ([a-z0-9-]+)")
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"../README.md", "../../README.md"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		commands := command.FindAllStringSubmatch(string(text), -1)
		if len(commands) == 0 {
			t.Errorf("%s has no command", path)
		}
		for _, c := range commands {
			if err := NewFlags().Parse(JoinNegative(strings.Fields(c[1]))); err != nil && !strings.Contains(err.Error(), "scaler.yml") {
				t.Errorf("%s: camunda-scaler %s: %v", path, c[1], err)
			}
		}
		for _, m := range target.FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(string(makefile), "\n"+m[1]+":") {
				t.Errorf("%s: make %s: there is no such target", path, m[1])
			}
		}
	}
}
