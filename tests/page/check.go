package page

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Open returns a browser for a test, which is skipped on a machine without one.
func Open(t *testing.T) *Browser {
	t.Helper()
	browser, missing, err := NewBrowser(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if missing != "" {
		t.Skipf("%s is not installed", missing)
	}
	return browser
}

// See opens pages, and fails the test for each problem that they have.
func (b *Browser) See(t *testing.T, visits ...Visit) []Sight {
	t.Helper()
	seen, err := b.Visit(t.Context(), visits...)
	if err != nil {
		t.Fatal(err)
	}
	for i, sight := range seen {
		for _, problem := range visits[i].Problems(sight) {
			t.Error(problem)
		}
	}
	return seen
}

// SeeEachWay is See for a large screen and a phone, light and dark, in this order,
// which have to differ. The environment variable PICTURES names a folder for what
// was seen.
func (b *Browser) SeeEachWay(t *testing.T, name, url string) ([]Visit, []Sight) {
	t.Helper()
	var visits []Visit
	for _, width := range []int{1280, 360} {
		for _, dark := range []bool{false, true} {
			v := Visit{URL: url, Width: width, Height: 800, Dark: dark, Scripts: true, Tall: true}
			if dir := os.Getenv("PICTURES"); dir != "" {
				v.Picture = filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, map[bool]string{true: "dark", false: "light"}[dark]))
			}
			visits = append(visits, v)
		}
	}
	seen := b.See(t, visits...)
	for i := 0; i < len(seen); i += 2 {
		if light, dark := seen[i].Background, seen[i+1].Background; light == dark {
			t.Errorf("%s: light and dark are both on %s", name, light)
		}
	}
	return visits, seen
}

// Want fails the test if the page does not say something.
func (v Visit) Want(t *testing.T, s Sight, texts ...string) {
	t.Helper()
	for _, want := range texts {
		if !strings.Contains(strings.Join(strings.Fields(s.Text), " "), want) {
			t.Errorf("%s, %d pixels wide, dark: %v: no %q in\n%s", v.URL, v.Width, v.Dark, want, s.Text)
		}
	}
}
