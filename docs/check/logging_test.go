package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// event is what a program logs.
type event struct {
	msg, level string // level "": not to be seen in the source
	keys       []string
	place      string
}

// literal returns a string literal's value.
func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	value, err := strconv.Unquote(lit.Value)
	return value, err == nil
}

// logged returns the events that are written with a literal msg in the products'
// sources, and all string literals there.
func logged(t *testing.T) (events []event, literals map[string]bool) {
	t.Helper()
	literals = map[string]bool{}
	files := token.NewFileSet()
	for _, name := range tracked(t, "exporter/*.go", "scaler/*.go", "service/*.go", "starter/*.go") {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, filepath.Join(top, name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			var list []ast.Expr
			e := event{}
			switch n := n.(type) {
			case *ast.BasicLit:
				if value, ok := literal(n); ok {
					literals[value] = true
				}
			case *ast.CompositeLit:
				list = n.Elts
			case *ast.CallExpr:
				list = n.Args
				// level.Info(logger).Log(…)
				if log, ok := n.Fun.(*ast.SelectorExpr); ok {
					if leveled, ok := log.X.(*ast.CallExpr); ok {
						if f, ok := leveled.Fun.(*ast.SelectorExpr); ok {
							if pkg, ok := f.X.(*ast.Ident); ok && pkg.Name == "level" {
								e.level = strings.ToLower(f.Sel.Name)
							}
						}
					}
				}
			}
			for i := 0; i+1 < len(list); i++ {
				if key, ok := literal(list[i]); !ok || key != "msg" {
					continue
				}
				if e.msg, _ = literal(list[i+1]); e.msg == "" {
					break
				}
				for j := i + 2; j < len(list); j += 2 {
					if key, ok := literal(list[j]); ok {
						e.keys = append(e.keys, key)
					}
				}
				e.place = files.Position(n.Pos()).String()
				events = append(events, e)
				break
			}
			return true
		})
	}
	return events, literals
}

// The page lists every event with its level and keys, and no other.
func TestLogPage(t *testing.T) {
	page := read(t, "docs/logging.md")
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ((?:debug|info|warn|error)[^|]*) \\| (.*)\\|$")
	quoted := regexp.MustCompile("`([^`]+)`")
	listed := map[string][]event{}
	for _, m := range row.FindAllStringSubmatch(page, -1) {
		e := event{msg: m[1], level: m[2]}
		for _, key := range quoted.FindAllStringSubmatch(m[3], -1) {
			e.keys = append(e.keys, key[1])
		}
		listed[m[1]] = append(listed[m[1]], e)
	}
	events, literals := logged(t)
	if len(events) < 20 || len(listed) < 20 {
		t.Fatalf("found %d events in the sources and %d in the page: this test reads them wrongly", len(events), len(listed))
	}
	style := regexp.MustCompile(`^[a-z0-9][a-z0-9 '-]*$`)
	for _, e := range events {
		t.Run(e.msg, func(t *testing.T) {
			if !style.MatchString(e.msg) {
				t.Errorf("%s: the msg %q is not a fixed lower-case phrase without commas and colons", e.place, e.msg)
			}
			if !slices.ContainsFunc(listed[e.msg], func(row event) bool {
				return strings.HasPrefix(row.level, e.level) && !slices.ContainsFunc(e.keys, func(key string) bool { return !slices.Contains(row.keys, key) })
			}) {
				t.Errorf("%s: docs/logging.md has no row of %q at %q with the keys %q; it has %v", e.place, e.msg, e.level, e.keys, listed[e.msg])
			}
		})
	}
	for msg := range listed {
		if !literals[msg] {
			t.Errorf("docs/logging.md has %q, which no program logs", msg)
		}
	}
}
