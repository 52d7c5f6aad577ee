package config

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	commoncfg "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/calendar"
)

// readsItself reports whether a type reads YAML in its own way, of which the
// library knows an old one and a new one.
func readsItself(t reflect.Type) bool {
	v := reflect.New(t).Interface()
	_, old := v.(interface{ UnmarshalYAML(func(any) error) error })
	_, node := v.(yaml.Unmarshaler)
	return old || node
}

// resolve returns what an alias stands for.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// decode reads text into the struct that into points to, after its defaults.
func (d *document) decode(text []byte, into any) {
	v := reflect.ValueOf(into).Elem()
	d.setDefaults(v)
	if root := d.root(text); root != nil {
		d.value(root, v, nil)
	}
}

// setDefaults sets one of the file's structs to what it is without any key.
func (d *document) setDefaults(v reflect.Value) {
	defaults, ok := d.defaults[v.Type()]
	if !ok {
		defaults = reflect.New(v.Type()).Elem()
		setDefaults(defaults)
		d.defaults[v.Type()] = defaults
	}
	v.Set(defaults)
}

// value reads a node into v.
func (d *document) value(n *yaml.Node, v reflect.Value, path []string) {
	d.at(path, n)
	n = resolve(n)
	if len(path) == 0 && n.Tag == "!!null" {
		return // an empty file
	}
	if d.noValue(n, v.Type(), path) {
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	custom := readsItself(v.Type())
	switch {
	case v.Kind() == reflect.Struct && custom:
		if before := len(d.faults); d.shape(n, v.Type(), path) && len(d.faults) == before {
			d.leaf(n, v, path)
		}
	case v.Kind() == reflect.Struct:
		d.setDefaults(v)
		fields := fieldsOf(v)
		d.mapping(n, slices.Sorted(maps.Keys(fields)), path, func(key string, n *yaml.Node, at []string) {
			d.value(n, fields[key], at)
		})
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct && !custom:
		d.sequence(n, path, func(length int) { v.Set(reflect.MakeSlice(v.Type(), length, length)) },
			func(i int, n *yaml.Node, at []string) { d.value(n, v.Index(i), at) })
	default:
		d.leaf(n, v, path)
	}
}

// noValue reports, and has as a fault, a key without a value.
func (d *document) noValue(n *yaml.Node, t reflect.Type, path []string) bool {
	if n.Tag != "!!null" {
		return false
	}
	d.fault(path, "no value: want %s, or leave the key out", wanted(t))
	return true
}

// mapping has each of a mapping's values read by its key.
func (d *document) mapping(n *yaml.Node, keys, path []string, read func(key string, n *yaml.Node, at []string)) {
	if n.Kind != yaml.MappingNode {
		d.fault(path, "want a mapping with keys")
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, at := n.Content[i], append(slices.Clone(path), n.Content[i].Value)
		first, twice := seen[key.Value]
		seen[key.Value] = key.Line
		known := keys == nil || slices.Contains(keys, key.Value)
		switch {
		case twice:
			d.faultAt(key.Line, at, "the key is already on line %d", first)
		case known:
			read(key.Value, n.Content[i+1], at)
		case strings.HasSuffix(key.Value, "_ref"):
			d.faultAt(key.Line, at, "there is no secret manager: want the name of a file in %s_file", strings.TrimSuffix(key.Value, "_ref"))
		default:
			d.faultAt(key.Line, at, "unknown key, %s", suggest(key.Value, keys))
		}
	}
}

// sequence has each of a list's entries read, after it told how many there are.
func (d *document) sequence(n *yaml.Node, path []string, size func(int), read func(i int, n *yaml.Node, at []string)) {
	if n.Kind != yaml.SequenceNode {
		d.fault(path, "want a list, each entry with a dash")
		return
	}
	size(len(n.Content))
	for i, entry := range n.Content {
		read(i, entry, append(slices.Clone(path), strconv.Itoa(i)))
	}
}

// shape checks the node of a type that reads itself, as Prometheus's HTTP
// options do: its library takes keys without a value, and numbers for text. It
// returns whether the node has the shape at all.
func (d *document) shape(n *yaml.Node, t reflect.Type, path []string) bool {
	before := len(d.faults)
	d.at(path, n)
	n = resolve(n)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[commoncfg.Headers]() { // nothing but a map, inlined
		t = t.Field(0).Type
	}
	if t.Kind() == reflect.Interface || d.noValue(n, t, path) {
		return len(d.faults) == before
	}
	fields := map[string]reflect.Value{}
	if t.Kind() == reflect.Struct {
		fields = fieldsOf(reflect.New(t).Elem())
	}
	switch {
	case len(fields) > 0:
		d.mapping(n, slices.Sorted(maps.Keys(fields)), path, func(key string, n *yaml.Node, at []string) {
			d.shape(n, fields[key].Type(), at)
		})
	case t.Kind() == reflect.Map:
		d.mapping(n, nil, path, func(_ string, n *yaml.Node, at []string) { d.shape(n, t.Elem(), at) })
	case t.Kind() == reflect.Slice:
		d.sequence(n, path, func(int) {}, func(_ int, n *yaml.Node, at []string) { d.shape(n, t.Elem(), at) })
	default:
		if err := scalar(n, t); err != nil { // without the value, which may be secret
			d.fault(path, "%v", err)
		}
	}
	return len(d.faults) == before
}

// Numbers that mean the same to every version of YAML. 010 is 8 to the one and
// 10 to the other, 1_000 a number to the one and text to the other.
var (
	plainNumber = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][-+]?[0-9]+)?$`)
	leadingZero = regexp.MustCompile(`^[-+]?0[0-9_]`)
)

// scalar checks that a node is one word of the kind that the type wants.
func scalar(n *yaml.Node, t reflect.Type) error {
	ok, also := n.Kind == yaml.ScalarNode, ""
	switch {
	case !ok:
	case t == reflect.TypeFor[model.Duration]():
		ok = n.Tag == "!!str" || n.Value == "0" // which needs no unit
	case t.Kind() == reflect.Bool:
		ok = n.Tag == "!!bool"
	case t.Kind() == reflect.Int32 || t.Kind() == reflect.Float64:
		ok = (n.Tag == "!!int" || n.Tag == "!!float") && plainNumber.MatchString(n.Value)
		if leadingZero.MatchString(n.Value) {
			also = " without a leading 0, with which some read it as octal"
		}
	case t == reflect.TypeFor[paused]():
		ok = n.Tag == "!!bool" || n.Tag == "!!str" && n.Value != "true" && n.Value != "false"
	case t == reflect.TypeFor[fileTime]() && n.Tag == "!!timestamp":
	default: // text, or read from it
		ok, also = n.Tag == "!!str", ", so put it in quotes"
		if _, err := url.Parse(n.Value); ok && err != nil && t == reflect.TypeFor[commoncfg.URL]() {
			ok, also = false, " that is a URL"
		}
	}
	if ok {
		return nil
	}
	if _, words := reflect.TypeAssert[word](reflect.Zero(t)); words {
		also = ""
	}
	return errors.New("want " + wanted(t) + also)
}

// leaf reads a node that is not made of others, or lets its type do it.
func (d *document) leaf(n *yaml.Node, v reflect.Value, path []string) {
	switch {
	case v.Kind() == reflect.Map:
		if !d.params(n, path) {
			return
		}
	case v.Kind() != reflect.Slice && v.Kind() != reflect.Struct:
		if err := scalar(n, v.Type()); err != nil {
			d.fault(path, "%s%v", shown(n), err)
			return
		}
	}
	if v.Kind() == reflect.Int32 {
		number, err := strconv.ParseFloat(n.Value, 64)
		if err != nil || number != math.Trunc(number) || math.Abs(number) > math.MaxInt32 {
			d.fault(path, "%swant %s", shown(n), wanted(v.Type()))
			return
		}
		v.SetInt(int64(number))
		return
	}
	if v.Kind() == reflect.String && n.Tag == "!!bool" { // of which there are several spellings
		v.SetString(strings.ToLower(n.Value))
		return
	}
	err := n.Decode(v.Addr().Interface())
	var times calendar.Faults
	switch {
	case err == nil:
		d.word(v, path)
	case errors.As(err, &times):
		for _, f := range times {
			d.faultAt(f.Line, slices.Concat(path, f.Path), "%s", f.Text)
		}
	case n.Kind == yaml.ScalarNode:
		d.fault(path, "%swant %s", shown(n), wanted(v.Type()))
	default:
		d.fault(path, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
}

// shown is a node's text, quoted and with a colon, if it has one.
func shown(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		return ""
	}
	return fmt.Sprintf("%q: ", n.Value)
}

// params checks a mapping from names to lists of scalars of any type.
func (d *document) params(n *yaml.Node, path []string) bool {
	before := len(d.faults)
	d.mapping(n, nil, path, func(_ string, n *yaml.Node, at []string) {
		d.at(at, n)
		d.sequence(resolve(n), at, func(int) {}, func(_ int, n *yaml.Node, at []string) {
			if n = resolve(n); n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
				d.fault(at, "want text")
			}
		})
	})
	return len(d.faults) == before
}

// word checks a value that has to be one of a few words.
func (d *document) word(v reflect.Value, path []string) {
	w, ok := reflect.TypeAssert[word](v)
	if !ok {
		return
	}
	if words := w.words(); !slices.Contains(words, v.String()) {
		d.fault(path, "%q: %s", v.String(), suggest(v.String(), words))
	}
}
