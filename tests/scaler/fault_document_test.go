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

// issues are those of others' users that the document has to answer.
const issues = `keda#3065 keda#657 mimir#7691 keda#6961 keda#6176 keda#5248 keda#5341 keda#6659 k8s#99394 k8s#127193
keda#737 keda#5321 keda#6844 keda#157 keda#6719 k8s#45509 keda#6467 keda#6902 keda#7204 keda#7770 k8s#116984 keda#2908 k8s#72775 k8s#138505 keda#470 keda#2093
k8s#112027 keda#5825 argo-cd#5105 mimir#7367 keda#3810 keda#6789 keda#5624 keda#3670 keda#932 keda#4677 keda#944
keda#5165 keda#4733 keda#2667 keda#4962 keda#1559 keda#3668 keda-docs#1298 keda#7649 keda/charts#297`

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
	all := strings.Split(string(text), "\n")
	for i, l := range all {
		if !strings.HasPrefix(l, "| ") || strings.HasPrefix(all[i+1], "|-") {
			continue // no table, or its head
		}
		cells := strings.Split(strings.Trim(l, "|"), " | ")
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
	faults, answered := 0, []string{}
	cited := map[string]documented{}
	for _, d := range lines {
		if len(d.cells) == 4 {
			faults++
		} else {
			answered = append(answered, strings.Split(strings.TrimSpace(d.cells[0]), ", ")...)
		}
		if len(d.tests) == 0 && !strings.HasPrefix(d.cells[len(d.cells)-1], "impossible") {
			t.Errorf("no test: %s", strings.Join(d.cells, " | "))
		}
		for _, test := range d.tests {
			if len(d.cells) == 4 {
				cited[test] = d
			}
			folder, name, _ := strings.Cut(test, ":")
			if !testExists(t, folder, name) {
				t.Errorf("%s has no test %s", folder, name)
			}
		}
	}
	if faults < 30 {
		t.Errorf("%d faults, want 30 or more", faults)
	}
	if want := strings.Fields(issues); !slices.Equal(answered, want) {
		t.Errorf("got the issues\n%s\nwant\n%s", answered, want)
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
