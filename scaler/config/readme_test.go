package config

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/calendar"
)

// The READMEs' examples have to be valid.
func TestReadmeExamples(t *testing.T) {
	for path, targets := range map[string]int{"../README.md": 3, "../../README.md": 1} {
		c, err := Parse(path, []byte(example(t, path)))
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Targets) != targets {
			t.Errorf("%s: got %d targets, want %d", path, len(c.Targets), targets)
		}
	}
}

// example returns a file's first example in YAML.
func example(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "```yaml\n")
	example, _, ok := strings.Cut(after, "```")
	if !ok {
		t.Fatalf("%s has no example", path)
	}
	return example
}

// key is a row of the README's table of keys.
type key struct{ byDefault, text string }

var keyRow = regexp.MustCompile("(?m)^\\| `([a-z_.\\[\\]]+)` \\|[^|]*\\| ([^|]*)\\|(.*)\\|$")

// readmeKeys reads the table.
func readmeKeys(t *testing.T) map[string]key {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## Configuration file")
	section, _, _ = strings.Cut(section, "```yaml")
	keys := map[string]key{}
	for _, row := range keyRow.FindAllStringSubmatch(section, -1) {
		if _, twice := keys[row[1]]; twice {
			t.Errorf("the README has %s twice", row[1])
		}
		keys[row[1]] = key{strings.TrimSpace(row[2]), strings.TrimSpace(row[3])}
	}
	return keys
}

// What Prometheus's and alertmanager's libraries read for themselves is
// documented there.
func documentedElsewhere(of reflect.Type) bool {
	return of == reflect.TypeFor[calendar.Times]() || strings.HasPrefix(of.PkgPath(), "github.com/prometheus/common/config")
}

// parserKeys adds the paths of all keys that the parser knows.
func parserKeys(of reflect.Type, path string, into map[string]reflect.Type) {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice && !documentedElsewhere(of) {
		if of.Kind() == reflect.Slice {
			path += "[]"
		}
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct || documentedElsewhere(of) {
		return
	}
	for name, field := range fieldsOf(reflect.New(of).Elem()) {
		at := strings.TrimPrefix(path+"."+name, ".")
		into[at] = field.Type()
		parserKeys(field.Type(), at, into)
	}
}

// The README's table has every key that the parser knows and no other, with the
// default that it has.
func TestReadmeTableIsComplete(t *testing.T) {
	known := map[string]reflect.Type{}
	parserKeys(reflect.TypeFor[file](), "", known)
	table := readmeKeys(t)
	for path := range known {
		if _, ok := table[path]; !ok {
			t.Errorf("the README does not have %s", path)
		}
	}
	for path := range table {
		if _, ok := known[path]; !ok {
			t.Errorf("the README has %s, which the parser does not know", path)
		}
	}
}

// A file that says all the defaults of the README's table is one that says
// nothing.
func TestReadmeDefaults(t *testing.T) {
	minimal := map[string]string{
		"targets[]":            "targets: [{}]",
		"targets[].workloads":  "targets: [{name: a, query: x, workloads: {namespace: b, name_label: c}}]",
		"targets[].triggers[]": "targets: [{triggers: [{name: a, query: x}]}]",
	}
	for path, row := range readmeKeys(t) {
		literal, ok := strings.CutPrefix(row.byDefault, "`")
		if !ok {
			continue
		}
		base := "targets[]"
		for prefix := range minimal {
			if strings.HasPrefix(path, prefix+".") && len(prefix) > len(base) {
				base = prefix
			}
		}
		want, err := Parse("without.yml", []byte(minimal[base]))
		if err != nil {
			t.Fatal(err)
		}
		var with map[string]any
		if err := yaml.Unmarshal([]byte(minimal[base]), &with); err != nil {
			t.Fatal(err)
		}
		var value any
		if err := yaml.Unmarshal([]byte(strings.TrimSuffix(literal, "`")), &value); err != nil {
			t.Fatal(err)
		}
		set(with, strings.Split(path, "."), value)
		text, err := yaml.Marshal(with)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse("with.yml", text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is not %v by default: got %+v, %v", path, value, got, err)
		}
	}
}

// set puts a value where the path says, of a list at its first entry.
func set(in map[string]any, path []string, value any) {
	name, list := strings.CutSuffix(path[0], "[]")
	switch {
	case len(path) == 1:
		in[name] = value
	case list:
		set(in[name].([]any)[0].(map[string]any), path[1:], value)
	default:
		if in[name] == nil {
			in[name] = map[string]any{}
		}
		set(in[name].(map[string]any), path[1:], value)
	}
}
