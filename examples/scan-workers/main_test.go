package main

import (
	"strings"
	"testing"
)

func TestBadFlags(t *testing.T) {
	for _, args := range [][]string{{"--twice"}, {"--jobs=some"}, {"word"}} {
		var out strings.Builder
		if code := run(t.Context(), args, &out); code != 2 || !strings.Contains(out.String(), "try --help") {
			t.Errorf("%v: code %d, output %q", args, code, out.String())
		}
	}
}
