// Command notices prints the licences and notices of everything that is linked
// into a Go program: of Go itself, and of each module that has a package in it.
// Run it in the program's module, with the environment of its build.
//
//	notices PACKAGE > THIRD_PARTY_NOTICES.txt
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: notices PACKAGE > THIRD_PARTY_NOTICES.txt")
		os.Exit(2)
	}
	if err := write(os.Stdout, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}

// listed is a package as "go list -json" describes it.
type listed struct {
	Dir    string
	Module *module
}

type module struct {
	Path, Version, Dir string
	Main               bool
	Replace            *module
}

// legal matches the names of files that a redistribution has to include.
var legal = regexp.MustCompile(`(?i)^(licen[cs]e|notice|copying|copyright|patents)([-._].*)?$`)

// write prints each text once, below the files that have it, in the order of
// the first of them: Go's, then those of the modules by their paths.
func write(w io.Writer, main string) error {
	files, err := find(main)
	if err != nil {
		return err
	}
	var texts []string
	having := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		content, err := os.ReadFile(files[name])
		if err != nil {
			return err
		}
		text := strings.TrimSpace(strings.ReplaceAll(string(content), "\r\n", "\n"))
		if having[text] == nil {
			texts = append(texts, text)
		}
		having[text] = append(having[text], name)
	}
	line := strings.Repeat("=", 80)
	for _, text := range texts {
		if _, err := fmt.Fprintf(w, "%s\n%s\n%s\n\n%s\n\n", line, strings.Join(having[text], "\n"), line, text); err != nil {
			return err
		}
	}
	return nil
}

// find returns the paths of the legal files by names such as
// "github.com/prometheus/common v0.72.0: NOTICE": those of the folders of all
// packages in use and of their parents, for a module may contain code of others.
func find(main string) (map[string]string, error) {
	root, err := run("env", "GOROOT")
	if err != nil {
		return nil, err
	}
	packages, err := list(main)
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	top := strings.TrimSpace(string(root))
	if err := collect(files, "Go", top, top); err != nil {
		return nil, err
	}
	for _, p := range packages {
		if p.Module == nil || own(p.Module) {
			continue
		}
		m := p.Module
		if m.Replace != nil {
			m = m.Replace
		}
		if err := collect(files, m.Path+" "+m.Version, p.Dir, m.Dir); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// own says whether a module is this repository's, whose licence is a file of its own.
func own(m *module) bool {
	return m.Main || m.Replace != nil && strings.HasPrefix(m.Replace.Path, ".")
}

// collect adds the legal files of the folder and of its parents up to the
// module's own, which has to have one.
func collect(files map[string]string, module, folder, top string) error {
	for {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return err
		}
		found := false
		for _, e := range entries {
			if e.IsDir() || !legal.MatchString(e.Name()) || filepath.Ext(e.Name()) == ".go" {
				continue
			}
			path := filepath.Join(folder, e.Name())
			name, err := filepath.Rel(top, path)
			if err != nil {
				return err
			}
			files[module+": "+filepath.ToSlash(name)], found = path, true
		}
		switch {
		case folder != top && len(folder) <= len(top):
			return fmt.Errorf("%s is not below %s", folder, top)
		case folder == top && !found:
			return fmt.Errorf("%s has no licence file: find out its licence before it is shipped", module)
		case folder == top:
			return nil
		}
		folder = filepath.Dir(folder)
	}
}

// list returns the packages that the program is linked from.
func list(main string) ([]listed, error) {
	out, err := run("list", "-deps", "-json=Dir,Module", main)
	if err != nil {
		return nil, err
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("read what go list says: %w", err)
		}
		all = append(all, p)
	}
}

func run(args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}
