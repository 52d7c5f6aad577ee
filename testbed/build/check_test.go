package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckPassesHere(t *testing.T) {
	if err := Check(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestCheckNamesWhatIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("JAVA_HOME", "")
	err := Check(t.Context())
	if err == nil {
		t.Fatal("an empty PATH is no error")
	}
	lines := strings.Split(err.Error(), "\n")
	for i, want := range []string{"Go is missing", "a JDK is missing", "Maven is missing"} {
		if len(lines) != 3 || !strings.Contains(lines[i], want) {
			t.Fatalf("got %q, want a line each for Go, the JDK and Maven", lines)
		}
	}
}

func TestCheckJavaVersion(t *testing.T) {
	for text, want := range map[string]string{
		"javac 17.0.15\n": "",
		"javac 21\n":      "",
		"Picked up JAVA_TOOL_OPTIONS: -Xmx1g\njavac 25.0.1\n": "",
		"javac 11.0.27\n":   "too old",
		"javac 1.8.0_402\n": "too old",
		"nonsense":          "not to be understood",
	} {
		err := checkJavaVersion(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestJavaHomeGoesFirst(t *testing.T) {
	home := t.TempDir()
	t.Setenv("JAVA_HOME", home)
	if got, want := Java(), filepath.Join(home, "bin", "java"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if err := checkJava(t.Context()); err == nil || !strings.Contains(err.Error(), "JDK is missing") {
		t.Errorf("got %v: a JAVA_HOME without a JDK must be said", err)
	}
	if err := os.Mkdir(filepath.Join(home, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "bin", "javac"), []byte("#!/bin/sh\necho javac 1.8.0_402\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := checkJava(t.Context()); err == nil || !strings.Contains(err.Error(), "too old") {
		t.Errorf("got %v: an old JDK in JAVA_HOME must be said", err)
	}
}
