package main

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// Dependabot looks at every module and at everything else that has dependencies.
func TestDependabotKnowsEveryModule(t *testing.T) {
	config := read(t, ".github/dependabot.yml")
	for _, section := range []struct{ ecosystem, file string }{
		{"gomod", "go.mod"}, {"maven", "pom.xml"}, {"npm", "package.json"},
	} {
		t.Run(section.ecosystem, func(t *testing.T) {
			var folders []string
			for _, part := range strings.Split(config, "package-ecosystem: ")[1:] {
				if !strings.HasPrefix(part, section.ecosystem) {
					continue
				}
				for _, word := range strings.FieldsFunc(part, func(r rune) bool { return strings.ContainsRune("[], \n", r) }) {
					if folder, ok := strings.CutPrefix(word, "/"); ok {
						folders = append(folders, folder)
					}
				}
			}
			for _, file := range tracked(t, "*"+section.file) {
				found := false
				for _, folder := range folders {
					matches, err := path.Match(folder, path.Dir(file))
					if err != nil {
						t.Fatal(err)
					}
					found = found || matches
				}
				if !found {
					t.Errorf("no entry of %s is about %s: %v", section.ecosystem, file, folders)
				}
			}
		})
	}
}

// No merge was committed half done.
func TestNoConflictMarkers(t *testing.T) {
	command := exec.Command("git", "grep", "-nIE", "^(<{7}|>{7}) ")
	command.Dir = top
	if out, err := command.CombinedOutput(); len(out) > 0 {
		t.Errorf("conflict markers:\n%s", out)
	} else if command.ProcessState.ExitCode() != 1 { // nothing found
		t.Fatal(err)
	}
}

// TestReleaseCheck tells what is about another version, each by its place.
func TestReleaseCheck(t *testing.T) {
	version := strings.TrimSpace(read(t, "VERSION"))
	for _, test := range []struct {
		name, file, old, new string
		tag, want            string // want "": it passes
	}{
		{name: "everything as it is"},
		{name: "VERSION is no version", file: "VERSION", old: version, new: "next", want: `VERSION has "next"`},
		{name: "VERSION is newer than the rest", file: "VERSION", old: version, new: "9.8.7", want: "charts/camunda-demo/Chart.yaml:6 is not about 9.8.7"},
		{name: "the chart's version", file: "charts/camunda-autoscaler/Chart.yaml", old: "version: " + version, new: "version: 9.8.7", want: "charts/camunda-autoscaler/Chart.yaml:5 is not about " + version},
		{name: "the chart's appVersion", file: "charts/camunda-demo/Chart.yaml", old: "appVersion: " + version, new: "appVersion: 9.8.7", want: "charts/camunda-demo/Chart.yaml:6"},
		{name: "a longer version", file: "charts/camunda-demo/Chart.yaml", old: "appVersion: " + version, new: "appVersion: 1" + version, want: "charts/camunda-demo/Chart.yaml:6"},
		{name: "an image in a manifest", file: "k8s_resources/camunda-autoscaler.yaml", old: "camunda-scaler:" + version, new: "camunda-scaler:9.8.7", want: "k8s_resources/camunda-autoscaler.yaml:"},
		{name: "an image in a document", file: "docker/README.md", old: "camunda-exporter:" + version, new: "camunda-exporter:9.8.7", want: "another version than " + version + " in docker/README.md:"},
		{name: "no changes are listed", file: "CHANGELOG.md", old: "## " + version, new: "## 9.8.7", want: `CHANGELOG.md has no section "## ` + version + `"`},
		{name: "the tag is another version's", tag: "v9.8.7", want: "the tag is v9.8.7, VERSION has " + version},
		{name: "no date for a release", tag: "v" + version, want: "CHANGELOG.md has no date for " + version},
		{name: "ready for the release", tag: "v" + version, file: "CHANGELOG.md", old: "## " + version + "\n", new: "## " + version + " - 2026-11-26\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.tag != "" && strings.Contains(read(t, "CHANGELOG.md"), "## "+version+" - ") {
				t.Skip("the version has been released")
			}
			folder := t.TempDir()
			for _, name := range tracked(t, "VERSION", "*.md", "*.tpl", "*.txt", "charts/*.yaml", "docker", "k8s_resources", ".ci") {
				text := read(t, name)
				if name == test.file {
					if !strings.Contains(text, test.old) {
						t.Fatalf("%s has no %q", name, test.old)
					}
					text = strings.Replace(text, test.old, test.new, 1)
				}
				if err := os.MkdirAll(filepath.Join(folder, path.Dir(name)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}} {
				git := exec.Command("git", args...)
				git.Dir = folder
				if out, err := git.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			check := exec.Command(filepath.Join(folder, ".ci/release-check"), strings.Fields(test.tag)...)
			out, err := check.CombinedOutput()
			if test.want == "" {
				if err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			} else if err == nil || !strings.Contains(string(out), test.want) {
				t.Errorf("it ended with %v and does not say %q:\n%s", err, test.want, out)
			}
		})
	}
}
