package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// document is a YAML file while it is read: what is on which line, and what is
// wrong.
type document struct {
	lines    map[string]int // by path
	faults   []remark
	warnings []remark
	defaults map[reflect.Type]reflect.Value
}

// remark is what is wrong with the value at path.
type remark struct {
	line int
	path []string
	text string
}

func newDocument() *document {
	return &document{lines: map[string]int{}, defaults: map[reflect.Type]reflect.Value{}}
}

func (d *document) ok() bool { return len(d.faults) == 0 }

// err returns all faults in the order of their lines, one a line.
func (d *document) err(name string) error {
	return errors.New(strings.Join(lines(name, d.faults), "\n"))
}

// lines writes each as FILE:LINE: PATH: TEXT, in the order of the lines.
func lines(name string, remarks []remark) (texts []string) {
	slices.SortStableFunc(remarks, func(a, b remark) int { return cmp.Compare(a.line, b.line) })
	for _, r := range remarks {
		texts = append(texts, fmt.Sprintf("%s:%d: %s%s", name, r.line, dotted(r.path), r.text))
	}
	return texts
}

// at notes the line of the value at path.
func (d *document) at(path []string, n *yaml.Node) { d.lines[strings.Join(path, "\x00")] = n.Line }

// line returns the line of the value at path or, if the file does not mention
// it, of what is closest around it.
func (d *document) line(path ...string) int {
	for n := len(path); n > 0; n-- {
		if line, ok := d.lines[strings.Join(path[:n], "\x00")]; ok {
			return line
		}
	}
	return 1
}

// has reports whether the file mentions the value at path.
func (d *document) has(path ...string) bool {
	_, ok := d.lines[strings.Join(path, "\x00")]
	return ok
}

// fault says what is wrong with the value at path.
func (d *document) fault(path []string, format string, args ...any) {
	d.faultAt(d.line(path...), path, format, args...)
}

func (d *document) faultAt(line int, path []string, format string, args ...any) {
	d.faults = append(d.faults, remark{line, path, fmt.Sprintf(format, args...)})
}

// warn says what is likely to be wrong with the value at path.
func (d *document) warn(path []string, format string, args ...any) {
	d.warnings = append(d.warnings, remark{d.line(path...), path, fmt.Sprintf(format, args...)})
}

// dotted writes a path as in targets[0].rule, and a colon after it.
func dotted(path []string) string {
	if len(path) == 0 {
		return ""
	}
	var b strings.Builder
	for i, key := range path {
		if _, err := strconv.Atoi(key); err == nil {
			fmt.Fprintf(&b, "[%s]", key)
			continue
		}
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(key)
	}
	return b.String() + ": "
}

var syntaxError = regexp.MustCompile(`(?s)^yaml: (?:line (\d+): )?(.*)$`)

// root returns the content of a text, nil if it is empty or cannot be read.
func (d *document) root(text []byte) *yaml.Node {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var first, second yaml.Node
	switch err := decoder.Decode(&first); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		d.syntax(err)
		return nil
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		d.faultAt(second.Line, nil, "a second YAML document: want one")
		return nil
	case !errors.Is(err, io.EOF):
		d.syntax(err)
		return nil
	}
	return first.Content[0]
}

func (d *document) syntax(err error) {
	match := syntaxError.FindStringSubmatch(err.Error())
	if match == nil {
		d.faultAt(1, nil, "not YAML: %v", err)
		return
	}
	line, _ := strconv.Atoi(match[1]) // no line is line 1
	d.faultAt(max(line, 1), nil, "not YAML: %s", match[2])
}
