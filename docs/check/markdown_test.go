package main

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// block is a fenced block of code.
type block struct {
	language, text string
	line           int
}

// fence matches the line that opens or closes a block; it may be indented in a list.
var fence = regexp.MustCompile("^( *)```(.*)$")

// split returns a page's prose, line by line with blocks left empty, and its blocks.
func split(page string) (prose []string, blocks []block) {
	indent, open := "", false
	for i, line := range strings.Split(page, "\n") {
		if m := fence.FindStringSubmatch(line); m != nil {
			if open = !open; open {
				indent = m[1]
				language, _, _ := strings.Cut(m[2], " ")
				blocks = append(blocks, block{language: language, line: i + 1})
			}
			prose = append(prose, "")
			continue
		}
		if open {
			blocks[len(blocks)-1].text += strings.TrimPrefix(line, indent) + "\n"
			line = ""
		}
		prose = append(prose, line)
	}
	return prose, blocks
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)|<img src="([^"]+)"`)
	code    = regexp.MustCompile("`[^`]*`")
	heading = regexp.MustCompile(`^#+ +(.+)$`)
)

// anchors returns those that GitHub makes of a page's headings.
func anchors(page string) map[string]bool {
	all := map[string]bool{}
	prose, _ := split(page)
	for _, line := range prose {
		if m := heading.FindStringSubmatch(line); m != nil {
			all[strings.Map(func(r rune) rune {
				switch {
				case r == ' ':
					return '-'
				case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
					return unicode.ToLower(r)
				}
				return -1
			}, m[1])] = true
		}
	}
	return all
}

// Every link between files leads to a file that is there, and to a heading of it.
func TestLinks(t *testing.T) {
	for _, name := range tracked(t, "*.md") {
		t.Run(name, func(t *testing.T) {
			prose, _ := split(read(t, name))
			for i, line := range prose {
				for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(line, ""), -1) {
					target := m[1] + m[2]
					if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
						continue
					}
					file, anchor, _ := strings.Cut(target, "#")
					file = path.Join(path.Dir(name), file)
					if strings.HasPrefix(target, "#") {
						file = name
					}
					if _, err := os.Stat(filepath.Join(top, file)); err != nil {
						t.Errorf("line %d: %s does not exist", i+1, file)
					} else if anchor != "" && !anchors(read(t, file))[anchor] {
						t.Errorf("line %d: %s has no heading for #%s", i+1, file, anchor)
					}
				}
			}
		})
	}
}

// Every command can be pasted: it is one that a shell parses, without ellipses
// and without words in capitals that the reader has to replace.
func TestCommands(t *testing.T) {
	columns := regexp.MustCompile(`custom-columns=\S+`) // their titles are in capitals
	placeholder := regexp.MustCompile(`(^|[\s=:/'"])(NAMESPACE|NAME|POD|RELEASE|TARGET|OWNER|HOST|URL)($|[\s:/'"])`)
	for _, name := range tracked(t, "*.md") {
		t.Run(name, func(t *testing.T) {
			_, blocks := split(read(t, name))
			for _, b := range blocks {
				if b.language != "sh" && b.language != "bash" {
					continue
				}
				if strings.Contains(b.text, "…") {
					t.Errorf("line %d: an ellipsis in a command", b.line)
				}
				for line := range strings.Lines(b.text) {
					if m := placeholder.FindString(columns.ReplaceAllString(line, "")); m != "" {
						t.Errorf("line %d: %q has to be replaced before this is pasted; set a variable in a line before: %s", b.line, strings.TrimSpace(m), line)
					}
				}
				shell := exec.Command("bash", "-n")
				shell.Stdin = strings.NewReader(b.text)
				if out, err := shell.CombinedOutput(); err != nil {
					t.Errorf("line %d: bash cannot parse this: %s\n%s", b.line, out, b.text)
				}
			}
		})
	}
}
