package scratch_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/demo/scratch"
)

func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestNothingIsLeftBehind(t *testing.T) {
	parent := t.TempDir()
	f, err := scratch.New(parent)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(f.Path, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := f.Remove(); err != nil {
		t.Fatal(err)
	}
	if left := names(t, parent); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestFolderOfAKilledProcessIsSwept(t *testing.T) {
	parent := t.TempDir()
	// As a killed process leaves it: the lock's file is there, its lock is not.
	killed := filepath.Join(parent, "camunda-demo-123")
	if err := os.MkdirAll(killed, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(killed, "lock"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	used, err := scratch.New(parent)
	if err != nil {
		t.Fatal(err)
	}
	defer used.Remove()
	second, err := scratch.New(parent)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Remove()
	if left := names(t, parent); len(left) != 2 {
		t.Errorf("%v in the folder, want only the two that are in use", left)
	}
	if _, err := os.Stat(used.Path); err != nil {
		t.Errorf("a folder in use was removed: %v", err)
	}
}

func TestKeepLogs(t *testing.T) {
	parent := t.TempDir()
	f, err := scratch.New(parent)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(f.Path, "part"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"part/one.log", "two.log", "part/key.pem"} {
		if err := os.WriteFile(filepath.Join(f.Path, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := f.KeepLogs()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Remove(); err != nil {
		t.Fatal(err)
	}
	if got := names(t, kept); len(got) != 2 || got[0] != "one.log" || got[1] != "two.log" {
		t.Errorf("kept %v, want the two logs", got)
	}
}
