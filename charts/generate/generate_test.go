package main

import (
	"strings"
	"testing"
)

func TestGeneratedFilesAreCurrent(t *testing.T) {
	paths, err := stale()
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) > 0 {
		t.Errorf("make manifests would change %s", strings.Join(paths, ", "))
	}
}
