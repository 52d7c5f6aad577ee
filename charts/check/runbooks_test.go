package check

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// fenced are the blocks of a language, in which a block within a list is
// indented.
func fenced(text []byte, language string) []string {
	var blocks []string
	for _, m := range regexp.MustCompile("(?ms)^( *)```"+language+"\n(.*?)^ *```$").FindAllSubmatch(text, -1) {
		var lines []string
		for line := range strings.Lines(string(m[2])) {
			lines = append(lines, strings.TrimPrefix(line, string(m[1])))
		}
		blocks = append(blocks, strings.Join(lines, ""))
	}
	return blocks
}

var (
	assigned  = regexp.MustCompile(`(?:^|[ \n])([A-Za-z_]+)=|for ([a-z]+) in `)
	used      = regexp.MustCompile(`\$\{?([A-Za-z_]+)`)
	inline    = regexp.MustCompile("`((?:kubectl|curl|amtool|promtool) [^`]*|helm (?:rollback|history)[^`]*)`")
	variables = regexp.MustCompile(`([A-Z_]+)="`)
)

// The commands of a runbook can be pasted, one after the other.
func TestRunbookCommands(t *testing.T) {
	needed := map[string]string{"README": `WORKLOAD_NAMESPACE="" WORKLOAD=""`}
	for _, group := range readRules(t).Groups {
		for _, rule := range group.Rules {
			if rule.Alert != "" {
				needed[rule.Alert] = rule.Annotations["variables"]
			}
		}
	}
	top, err := root()
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(top, "docs", "runbooks", "*.md"))
	if err != nil || len(pages) != len(needed) {
		t.Fatalf("%d pages for %d alerts and a README (%v)", len(pages), len(needed), err)
	}
	metrics := exported(t)
	for _, page := range pages {
		name := strings.TrimSuffix(filepath.Base(page), ".md")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range []string{"# " + name + "\n", "\n## Meaning\n", "\n## Impact\n", "\n## Diagnosis\n", "\n## Mitigation\n"} {
				if name != "README" && !strings.Contains(string(text), part) {
					t.Errorf("%q is missing", strings.TrimSpace(part))
				}
			}
			blocks := fenced(text, "sh")
			if len(blocks) == 0 {
				t.Fatal("no commands: the test covers nothing")
			}
			known := map[string]bool{"!": true}
			for i, block := range blocks {
				first, _, _ := strings.Cut(block, "\n")
				if i == 0 {
					for _, m := range variables.FindAllStringSubmatch(first, -1) {
						if !strings.Contains(needed[name], m[1]+`="`) && !strings.HasPrefix(m[1], "ENGINE_") {
							t.Errorf("the alert's annotation does not set %s", m[1])
						}
					}
				}
				for line := range strings.Lines(block) {
					for _, m := range used.FindAllStringSubmatch(line, -1) {
						if !known[m[1]] && !strings.Contains(line, m[1]+"=") && !strings.Contains(line, "for "+m[1]+" in") {
							t.Errorf("%s is not set before %s", m[1], line)
						}
					}
					for _, m := range assigned.FindAllStringSubmatch(line, -1) {
						known[m[1]+m[2]] = true
					}
				}
				if out, err := exec.Command("bash", "-n", "-c", block).CombinedOutput(); err != nil {
					t.Errorf("%v: %s\n%s", err, out, block)
				}
				if strings.ContainsAny(block, "…<>") && !strings.Contains(block, ">/dev/null") {
					t.Errorf("no command that can be pasted:\n%s", block)
				}
			}
			for _, m := range inline.FindAllStringSubmatch(string(text), -1) {
				t.Errorf("a command within a sentence: %s", m[1])
			}
			for _, query := range fenced(text, "promql") {
				needs(t, promtool, "--experimental", "promql", "format", query)
				for _, m := range metric.FindAllStringSubmatch(query, -1) {
					if !metrics[m[1]] {
						t.Errorf("there is no metric %s", m[1])
					}
				}
			}
		})
	}
}
