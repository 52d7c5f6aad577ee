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
	faults   []lineError
	warnings []lineError
}

type lineError struct {
	line int
	text string
}

func (d *document) ok() bool { return len(d.faults) == 0 }

// err returns all faults in the order of their lines, one a line.
func (d *document) err(name string) error {
	return errors.New(strings.Join(lines(name, d.faults), "\n"))
}

// lines writes each as FILE:LINE: TEXT, in the order of the lines.
func lines(name string, errs []lineError) (texts []string) {
	slices.SortStableFunc(errs, func(a, b lineError) int { return cmp.Compare(a.line, b.line) })
	for _, e := range errs {
		texts = append(texts, fmt.Sprintf("%s:%d: %s", name, e.line, e.text))
	}
	return texts
}

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
func (d *document) fault(err error, path ...string) {
	d.faults = append(d.faults, lineError{d.line(path...), dotted(path) + ": " + err.Error()})
}

// warn says what is likely to be wrong with the value at path.
func (d *document) warn(path []string, format string, args ...any) {
	d.warnings = append(d.warnings, lineError{d.line(path...), dotted(path) + ": " + fmt.Sprintf(format, args...)})
}

// dotted writes a path as in targets[0].rule.
func dotted(path []string) string {
	if len(path) == 0 {
		return "the file"
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
	return b.String()
}

var syntaxError = regexp.MustCompile(`(?s)^yaml: (?:line (\d+): )?(.*)$`)

// decode reads text into the struct that into points to.
func decode(text []byte, into any) *document {
	d := &document{lines: map[string]int{}}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var root, second yaml.Node
	err := decoder.Decode(&root)
	if errors.Is(err, io.EOF) {
		return d // an empty file says nothing
	}
	if err == nil {
		if err := decoder.Decode(&second); err == nil {
			d.faults = append(d.faults, lineError{second.Line, "a second YAML document: want one"})
			return d
		} else if !errors.Is(err, io.EOF) {
			d.syntax(err)
			return d
		}
	} else {
		d.syntax(err)
		return d
	}
	d.value(root.Content[0], reflect.ValueOf(into).Elem(), nil)
	return d
}

func (d *document) syntax(err error) {
	match := syntaxError.FindStringSubmatch(err.Error())
	if match == nil {
		d.faults = append(d.faults, lineError{1, "not YAML: " + err.Error()})
		return
	}
	line, _ := strconv.Atoi(match[1]) // no line is line 1
	d.faults = append(d.faults, lineError{max(line, 1), "not YAML: " + match[2]})
}
