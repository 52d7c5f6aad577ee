package config

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/calendar"
)

const (
	referencePath = "../../docs/configuration.md"
	keysStart     = "<!-- The tables are made from the types in scaler/config/file.go: go generate ./scaler/config -->\n"
	keysEnd       = "<!-- End of the tables. -->\n"
)

// The page's tables are made from the tags: go generate writes them.
func TestReferenceIsTheTags(t *testing.T) {
	page, err := os.ReadFile(referencePath)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), keysStart)
	_, after, closed := strings.Cut(rest, keysEnd)
	if !ok || !closed {
		t.Fatalf("%s does not have the marks", referencePath)
	}
	want := before + keysStart + "\n" + reference() + "\n" + keysEnd + after
	if *update {
		if err := os.WriteFile(referencePath, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(page) != want {
		t.Errorf("%s does not have the keys of scaler/config/file.go: run go generate ./scaler/config", referencePath)
	}
}

// reference is a table for each mapping of the file, and one of the flags.
func reference() string {
	code := strings.NewReplacer("{", "`", "}", "`", "|", "\\|")
	var b strings.Builder
	table := func(under string) {
		b.WriteString("| key | type | default | |\n|---|---|---|---|\n")
		for _, k := range keysOf(reflect.TypeFor[file](), "") {
			name, ok := strings.CutPrefix(k.path, under)
			if !ok || name == "" || strings.Contains(name, ".") {
				continue
			}
			def := code.Replace(k.otherwise)
			switch {
			case k.required:
				def = "required"
			case k.def != "":
				def = "`" + k.def + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, typeName(k.of), def, code.Replace(k.doc))
		}
	}
	table("")
	for _, k := range keysOf(reflect.TypeFor[file](), "") {
		under := k.path + "."
		if k.of.Kind() == reflect.Slice {
			under = k.path + "[]."
		}
		if strings.Contains(typeName(k.of), "mapping") && k.of.Kind() != reflect.Map && !readElsewhere(k.of) {
			fmt.Fprintf(&b, "\n### `%s`\n\n%s\n\n", strings.TrimSuffix(under, "."), code.Replace(k.doc))
			table(under)
		}
	}
	b.WriteString("\n### Flags\n\nWithout a file, flags describe one target with one query and one step rule. A flag and `--config.file` exclude each other.\n\n")
	b.WriteString("| flag | key |\n|---|---|\n")
	for _, k := range keysOf(reflect.TypeFor[file](), "") {
		if k.flag != "" {
			fmt.Fprintf(&b, "| `--%s` | `%s` |\n", k.flag, k.path)
		}
	}
	return b.String()
}

// typeName is what a value is called in the table.
func typeName(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[model.Duration]():
		return "duration"
	case t == reflect.TypeFor[calendar.Times]():
		return "list"
	case t == reflect.TypeFor[paused]():
		return "boolean, `up` or `down`"
	case t == reflect.TypeFor[fileTime]():
		return "time"
	case t.Kind() == reflect.String:
		return "text"
	case t.Kind() == reflect.Bool:
		return "boolean"
	case t.Kind() == reflect.Int32:
		return "whole number"
	case t.Kind() == reflect.Float64:
		return "number"
	case t.Kind() == reflect.Slice:
		return "list of mappings"
	default:
		return "mapping"
	}
}

// Every key is described, and its default is one.
func TestTagsAreComplete(t *testing.T) {
	for _, k := range keysOf(reflect.TypeFor[file](), "") {
		switch {
		case k.doc == "" || !strings.HasSuffix(k.doc, "."):
			t.Errorf("%s is not described by a sentence: %q", k.path, k.doc)
		case strings.Count(k.doc, "{") != strings.Count(k.doc, "}"):
			t.Errorf("%s: unbalanced braces in %q", k.path, k.doc)
		case k.def != "" && (k.required || k.otherwise != ""):
			t.Errorf("%s has a default and something else", k.path)
		}
	}
}

// A file that has every default is one that says nothing.
func TestDefaultsAreWhatIsLeftOut(t *testing.T) {
	minimal := map[string]string{
		"targets[]":            "targets: [{}]",
		"targets[].workloads":  "targets: [{name: a, query: x, workloads: {namespace: b, name_label: c}}]",
		"targets[].busy_pods":  "targets: [{busy_pods: {query: x}}]",
		"targets[].triggers[]": "targets: [{triggers: [{name: a, query: x}]}]",
	}
	for _, k := range keysOf(reflect.TypeFor[file](), "") {
		if k.def == "" {
			continue
		}
		t.Run(k.path, func(t *testing.T) {
			base := "targets[]"
			for prefix := range minimal {
				if strings.HasPrefix(k.path, prefix+".") && len(prefix) > len(base) {
					base = prefix
				}
			}
			want, err := Parse("without.yml", []byte(minimal[base]))
			if err != nil {
				t.Fatal(err)
			}
			with := readYAML(t, []byte(minimal[base])).(map[string]any)
			set(with, strings.Split(k.path, "."), readYAML(t, []byte(k.def)))
			text, err := yaml.Marshal(with)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Parse("with.yml", text)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, want)
			}
		})
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
