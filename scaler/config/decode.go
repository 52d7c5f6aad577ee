package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
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

type unmarshaler interface{ UnmarshalYAML(func(any) error) error }

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
	_, custom := v.Addr().Interface().(unmarshaler)
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
		switch {
		case !ok:
			d.faults = append(d.faults, lineError{key.Line, fmt.Sprintf("%s: unknown key, %s", dotted(at), suggest(key.Value, fields))})
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
		element := v.Index(i)
		if e, ok := element.Addr().Interface().(interface{ setDefaults() }); ok {
			e.setDefaults()
		}
		d.value(entry, element, append(slices.Clone(path), strconv.Itoa(i)))
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
	switch {
	case err == nil:
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

// wanted describes a type to somebody who writes YAML.
func wanted(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[model.Duration]():
		return "a duration, for example 10s"
	case t.Kind() == reflect.String:
		return "text"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int32:
		return "a whole number"
	case t.Kind() == reflect.Float64:
		return "a number"
	case t.Kind() == reflect.Slice:
		return "a list"
	case t == reflect.TypeFor[map[string][]string]():
		return "a mapping from names to lists of values"
	default:
		return "a mapping with keys"
	}
}

// fieldsOf returns a struct's fields by their keys, with inlined ones.
func fieldsOf(v reflect.Value) map[string]reflect.Value {
	fields := map[string]reflect.Value{}
	for i := range v.NumField() {
		key, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		switch {
		case options == "inline" && v.Field(i).Kind() == reflect.Struct:
			for k, f := range fieldsOf(v.Field(i)) {
				fields[k] = f
			}
		case key != "" && key != "-":
			fields[key] = v.Field(i)
		}
	}
	return fields
}

// suggest names the key that was meant, or all there are.
func suggest(key string, fields map[string]reflect.Value) string {
	var all []string
	for name := range fields {
		all = append(all, name)
	}
	slices.Sort(all)
	for _, name := range all {
		if distance(key, name) <= 2 {
			return fmt.Sprintf("did you mean %s?", name)
		}
	}
	return "want one of: " + strings.Join(all, ", ")
}

// distance is how many letters have to be inserted, dropped or changed.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
