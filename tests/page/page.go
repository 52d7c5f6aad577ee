// Package page opens the programs' own pages in a real browser.
package page

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed browse.mjs package.json package-lock.json
var files embed.FS

// Visit is how to open a page.
type Visit struct {
	URL           string `json:"url"`
	Width, Height int
	Dark          bool   `json:"dark"`
	Scripts       bool   `json:"scripts"` // else JavaScript is off, and nothing is audited
	Search        string `json:"search"`  // for a target first, by keyboard
	Picture       string `json:"picture"` // file; "" for none
	Tall          bool   `json:"tall"`    // the picture is of the whole page, not of what fits the window
}

// MarshalJSON implements json.Marshaler.
func (v Visit) MarshalJSON() ([]byte, error) {
	type plain Visit
	return json.Marshal(struct {
		plain
		Width  int `json:"width"`
		Height int `json:"height"`
	}{plain(v), v.Width, v.Height})
}

// Sight is what the browser saw.
type Sight struct {
	URL        string
	Text       string
	Background string
	Wide       int      // pixels by which the page is wider than the window
	Cut        []string // texts that are cut off
	Lines      []struct {
		Name          string
		Width, Height float64
	}
	Steps              int
	Focusable, Reached int      // links, fields and buttons; those that the Tab key reaches
	Violations         []string // that axe found
	Requests           []string
	Faults             []string // in the console, and of requests
}

// Problems are what is wrong with any page on which this was seen.
func (v Visit) Problems(s Sight) []string {
	var all []string
	add := func(format string, args ...any) {
		at := fmt.Sprintf("%s, %d pixels wide, dark: %v: ", v.URL, v.Width, v.Dark)
		all = append(all, at+fmt.Sprintf(format, args...))
	}
	host := strings.Join(strings.SplitN(v.URL, "/", 4)[:3], "/")
	for _, r := range s.Requests {
		if r != host && !strings.HasPrefix(r, host+"/") {
			add("it loads %s", r)
		}
	}
	if len(s.Faults) > 0 {
		add("in the console: %q", s.Faults)
	}
	for _, violation := range s.Violations {
		add("axe: %s", violation)
	}
	if v.Scripts && s.Reached != s.Focusable {
		add("the Tab key reaches %d of %d links, fields and buttons", s.Reached, s.Focusable)
	}
	if s.Wide > 0 {
		add("it is %d pixels wider than the screen", s.Wide)
	}
	if len(s.Cut) > 0 {
		add("cut off is %q", s.Cut)
	}
	return all
}

// Browser is Chromium with its client library.
type Browser struct{ dir, chromium string }

// NewBrowser installs the library into dir. It returns what is missing on this
// machine if that is why there is no browser.
func NewBrowser(ctx context.Context, dir string) (b *Browser, missing string, err error) {
	b = &Browser{dir: dir}
	for _, program := range []string{"node", "npm", "chromium"} {
		if b.chromium, _ = exec.LookPath(program); b.chromium == "" {
			return nil, program, nil
		}
	}
	for _, name := range []string{"browse.mjs", "package.json", "package-lock.json"} {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, "", err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return nil, "", err
		}
	}
	_, err = b.run(ctx, nil, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
	return b, "", err
}

// Visit opens pages, one after the other.
func (b *Browser) Visit(ctx context.Context, visits ...Visit) ([]Sight, error) {
	request, err := json.Marshal(map[string]any{"program": b.chromium, "visits": visits})
	if err != nil {
		return nil, err
	}
	text, err := b.run(ctx, request, "node", "browse.mjs")
	if err != nil {
		return nil, err
	}
	var seen []Sight
	return seen, json.Unmarshal(text, &seen)
}

func (b *Browser) run(ctx context.Context, input []byte, program string, args ...string) ([]byte, error) {
	var out, faults bytes.Buffer
	c := exec.CommandContext(ctx, program, args...)
	c.Dir, c.Stdin, c.Stdout, c.Stderr = b.dir, bytes.NewReader(input), &out, &faults
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", program, err, faults.Bytes())
	}
	return out.Bytes(), nil
}
