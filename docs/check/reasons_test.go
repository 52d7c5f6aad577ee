package main

import (
	"regexp"
	"strings"
	"testing"
)

// Every reason has a line in the decision tree of "it does not scale".
func TestReasonsAreExplained(t *testing.T) {
	source := read(t, "scaler/decide/reason.go")
	page := read(t, "docs/troubleshooting.md")
	reasons := regexp.MustCompile(`(?m)^\s+[A-Z]\w+\s+Reason = "([a-z_]+)"`).FindAllStringSubmatch(source, -1)
	if len(reasons) < 20 {
		t.Fatalf("found %d reasons: this test reads them wrongly", len(reasons))
	}
	for _, m := range reasons {
		if !strings.Contains(page, "`"+m[1]+"`") {
			t.Errorf("docs/troubleshooting.md does not explain %s", m[1])
		}
	}
}
