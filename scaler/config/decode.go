package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/calendar"
)

// document is a YAML file while it is read: what is on which line, and what is
// wrong.
type document struct {
	lines  map[string]int // by path
	faults []lineError
}

type lineError struct {
	line int
	text string
}

func (d *document) ok() bool { return len(d.faults) == 0 }

// err returns all faults in the order of their lines, one a line.
func (d *document) err(name string) error {
	slices.SortStableFunc(d.faults, func(a, b lineError) int { return a.line - b.line })
	var errs []error
	for _, f := range d.faults {
		errs = append(errs, fmt.Errorf("%s:%d: %s", name, f.line, f.text))
	}
	return errors.Join(errs...)
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

// readsItself reports whether a type reads YAML in its own way, of which the
// library knows an old one and a new one.
func readsItself(v any) bool {
	_, old := v.(interface{ UnmarshalYAML(func(any) error) error })
	_, node := v.(yaml.Unmarshaler)
	return old || node
}

// value reads a node into v.
func (d *document) value(n *yaml.Node, v reflect.Value, path []string) {
	d.lines[strings.Join(path, "\x00")] = n.Line
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Tag == "!!null" {
		if len(path) > 0 {
			d.fault(errors.New("no value: want "+wanted(v.Type())+", or leave the key out"), path...)
		}
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if e, ok := v.Addr().Interface().(interface{ setDefaults() }); ok {
		e.setDefaults()
	}
	custom := readsItself(v.Addr().Interface())
	switch {
	case v.Kind() == reflect.Struct:
		before := len(d.faults)
		d.mapping(n, v, path, custom)
		if custom && len(d.faults) == before {
			d.leaf(n, v, path)
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct && !custom:
		d.sequence(n, v, path)
	default:
		d.leaf(n, v, path)
	}
}

// mapping reads a struct's keys; with onlyNames it only checks that they exist.
func (d *document) mapping(n *yaml.Node, v reflect.Value, path []string, onlyNames bool) {
	if n.Kind != yaml.MappingNode {
		d.fault(errors.New("want a mapping with keys"), path...)
		return
	}
	fields := fieldsOf(v)
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, at := n.Content[i], append(slices.Clone(path), n.Content[i].Value)
		field, ok := fields[key.Value]
		if first, twice := seen[key.Value]; twice {
			d.faults = append(d.faults, lineError{key.Line, fmt.Sprintf("%s: the key is on line %d already", dotted(at), first)})
			continue
		}
		seen[key.Value] = key.Line
		if onlyNames {
			d.lines[strings.Join(at, "\x00")] = key.Line
		}
		switch {
		case !ok:
			d.faults = append(d.faults, lineError{key.Line, fmt.Sprintf("%s: unknown key, %s", dotted(at), suggest(key.Value, slices.Sorted(maps.Keys(fields))))})
		case !onlyNames:
			d.value(n.Content[i+1], field, at)
		case field.Kind() == reflect.Pointer && field.Type().Elem().Kind() == reflect.Struct:
			d.names(n.Content[i+1], field.Type().Elem(), at)
		case field.Kind() == reflect.Struct:
			d.names(n.Content[i+1], field.Type(), at)
		}
	}
}

// names checks the keys of a struct that reads itself.
func (d *document) names(n *yaml.Node, t reflect.Type, path []string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	v := reflect.New(t).Elem()
	if n.Kind == yaml.MappingNode && len(fieldsOf(v)) > 0 {
		d.mapping(n, v, path, true)
	}
}

func (d *document) sequence(n *yaml.Node, v reflect.Value, path []string) {
	if n.Kind != yaml.SequenceNode {
		d.fault(errors.New("want a list, each entry with a dash"), path...)
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, entry := range n.Content {
		d.value(entry, v.Index(i), append(slices.Clone(path), strconv.Itoa(i)))
	}
}

// leaf lets the library or the type itself read the node.
func (d *document) leaf(n *yaml.Node, v reflect.Value, path []string) {
	if v.Kind() == reflect.Int32 && n.Tag != "!!int" { // the library would cut 1.5 down to 1
		d.fault(fmt.Errorf("%q: want %s", n.Value, wanted(v.Type())), path...)
		return
	}
	err := n.Decode(v.Addr().Interface())
	var mismatch *yaml.TypeError
	var times calendar.Faults
	switch {
	case err == nil:
		d.word(v, path)
	case errors.As(err, &times):
		for _, f := range times {
			d.faults = append(d.faults, lineError{f.Line, dotted(append(slices.Clone(path), f.Path...)) + ": " + f.Text})
		}
	case errors.As(err, &mismatch) && n.Kind == yaml.ScalarNode:
		d.fault(fmt.Errorf("%q: want %s", n.Value, wanted(v.Type())), path...)
	case v.Type() == reflect.TypeFor[model.Duration]():
		d.fault(fmt.Errorf("%q: want %s", n.Value, wanted(v.Type())), path...)
	case errors.As(err, &mismatch) && v.Kind() != reflect.Struct:
		d.fault(fmt.Errorf("want %s", wanted(v.Type())), path...)
	default:
		d.fault(errors.New(strings.TrimPrefix(err.Error(), "yaml: ")), path...)
	}
}

// word checks a value that has to be one of a few words.
func (d *document) word(v reflect.Value, path []string) {
	w, ok := v.Interface().(word)
	if !ok {
		return
	}
	if words := w.words(); !slices.Contains(words, v.String()) {
		d.fault(fmt.Errorf("%q: %s", v.String(), suggest(v.String(), words)), path...)
	}
}
