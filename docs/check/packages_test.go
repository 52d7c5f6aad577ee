package main

import (
	"go/scanner"
	"go/token"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// maxLines bounds a package, so that it stays of one subject.
const maxLines = 1000

// exempt are packages that may have more lines.
var exempt = map[string]string{
	"scaler/config": "a file's keys, each with its check and its explanation",
}

// Each package has a thousand lines at most, without tests, comments and blank
// lines. Split a larger one along a subject that has a name.
func TestPackagesAreSmall(t *testing.T) {
	lines := map[string]int{}
	for _, file := range tracked(t, "*.go") {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		lines[path.Dir(file)] += linesOfCode(t, file)
	}
	for _, folder := range slices.Sorted(maps.Keys(lines)) {
		if n := lines[folder]; n > maxLines && exempt[folder] == "" {
			t.Errorf("%s has %d lines of code: want %d at most", folder, n, maxLines)
		}
	}
	for folder := range exempt {
		if lines[folder] <= maxLines {
			t.Errorf("%s has %d lines of code, and needs no exemption", folder, lines[folder])
		}
	}
}

// linesOfCode counts the lines that have a token.
func linesOfCode(t *testing.T, file string) int {
	t.Helper()
	text := read(t, file)
	files := token.NewFileSet()
	f := files.AddFile(file, -1, len(text))
	var s scanner.Scanner
	s.Init(f, []byte(text), func(at token.Position, msg string) { t.Errorf("%s: %s", at, msg) }, 0)
	lines := map[int]bool{}
	for {
		at, tok, literal := s.Scan()
		if tok == token.EOF {
			return len(lines)
		}
		if tok == token.SEMICOLON && literal == "\n" {
			continue // inserted
		}
		first := f.Line(at)
		for i := range strings.Count(literal, "\n") + 1 {
			lines[first+i] = true
		}
	}
}

// The table "Where things are" names every package of the scaler, and no other.
func TestReadmeNamesEveryPackage(t *testing.T) {
	_, section, found := strings.Cut(read(t, "scaler/README.md"), "## Where things are\n")
	if !found {
		t.Fatal("scaler/README.md has no section Where things are")
	}
	named := map[string]bool{}
	for line := range strings.Lines(section) {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			for i, word := range strings.Split(cells[1], "`") {
				if i%2 == 1 {
					named[word] = true
				}
			}
		}
	}
	packages := map[string]bool{}
	for _, file := range tracked(t, "scaler/*.go") {
		folder, _, nested := strings.Cut(strings.TrimPrefix(file, "scaler/"), "/")
		if nested && folder != "cmd" {
			packages[folder] = true
		}
	}
	for name := range packages {
		if !named[name] {
			t.Errorf("the table does not name package %s", name)
		}
	}
	for name := range named {
		if !packages[name] {
			t.Errorf("the table names %s, and there is no such package", name)
		}
	}
}
