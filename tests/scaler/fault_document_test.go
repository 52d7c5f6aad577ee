package scaler

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const document = "../../docs/faults.md"

// documented is a line of one of the document's tables.
type documented struct {
	cells []string
	tests []string // as folder:name
}

func readDocument(t *testing.T) []documented {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	// A test's name, and its folder if that is another.
	name := regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[^`]+)`(?: \\(`([^`]+)`\\))?")
	var lines []documented
	for l := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(l), "|"), " | ")
		if !strings.HasPrefix(l, "| ") || len(cells) < 3 || strings.Contains(cells[len(cells)-1], "test") && !strings.Contains(l, "`") {
			continue // no table, or its head
		}
		d := documented{cells: cells}
		for _, m := range name.FindAllStringSubmatch(cells[len(cells)-1], -1) {
			folder := "tests/scaler"
			if m[2] != "" {
				folder = m[2]
			}
			d.tests = append(d.tests, folder+":"+m[1])
		}
		lines = append(lines, d)
	}
	return lines
}

// The document's tests are there, all rows of the matrix are in the document
// with the reason that they wait for, and each line has a test or says why it
// needs none.
func TestFaultsAreDocumented(t *testing.T) {
	lines := readDocument(t)
	faults := 0
	cited := map[string]documented{}
	for _, d := range lines {
		if len(d.cells) == 4 {
			faults++
		}
		if len(d.tests) == 0 && !strings.HasPrefix(d.cells[len(d.cells)-1], "impossible") {
			t.Errorf("no test: %s", strings.Join(d.cells, " | "))
		}
		for _, test := range d.tests {
			cited[test] = d
			folder, name, _ := strings.Cut(test, ":")
			if !testExists(t, folder, name) {
				t.Errorf("%s has no test %s", folder, name)
			}
		}
	}
	if faults < 30 {
		t.Errorf("%d faults, want 30 or more", faults)
	}
	for _, r := range rows() {
		d, ok := cited["tests/scaler:TestFaults/"+r.name]
		if !ok {
			t.Errorf("the fault %s is not in the document", r.name)
			continue
		}
		if r.reason != "" && r.reason != "load_high" && !strings.Contains(d.cells[2], "`"+r.reason+"`") {
			t.Errorf("%s: the reason is %s, the document says %s", r.name, r.reason, d.cells[2])
		}
	}
}

// testExists looks for a test, and for a row of TestFaults among the rows.
func testExists(t *testing.T, folder, name string) bool {
	t.Helper()
	if fault, ok := strings.CutPrefix(name, "TestFaults/"); ok {
		return slices.ContainsFunc(rows(), func(r row) bool { return r.name == fault })
	}
	function, _, _ := strings.Cut(name, "/")
	files, err := filepath.Glob(filepath.Join("../..", folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+function+"(") {
			return true
		}
	}
	return false
}
