package main

import (
	"strings"
	"testing"
)

// The tables of the README are made by this: each has its lines.
func TestBench(t *testing.T) {
	var out strings.Builder
	if err := bench(t.Context(), &out, t.TempDir(), 5, 1); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n|"); lines != 14 || !strings.Contains(out.String(), "| 0 % | 8.00 | 0.0 % |") {
		t.Errorf("%d lines:\n%s", lines, out.String())
	}
}
