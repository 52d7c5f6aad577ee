package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
)

const schemaPath = "../../docs/api.schema.json"

var update = flag.Bool("update", false, "Write the schema.")

// schemaOf is made from a type and its tags. Each struct is a definition.
func schemaOf(t *testing.T, of reflect.Type, definitions map[string]any) map[string]any {
	switch {
	case of == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case of.Kind() == reflect.Pointer:
		return schemaOf(t, of.Elem(), definitions)
	case of.Kind() == reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t, of.Elem(), definitions)}
	case of.Kind() == reflect.Struct:
		name := strings.ToLower(of.Name())
		if _, known := definitions[name]; !known {
			definitions[name] = nil // it may have one of its own kind in it
			definitions[name] = objectOf(t, of, definitions)
		}
		return map[string]any{"$ref": "#/$defs/" + name}
	}
	kinds := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Int32: "integer", reflect.Float64: "number"}
	if kinds[of.Kind()] == "" {
		t.Fatalf("no type for %s", of)
	}
	return map[string]any{"type": kinds[of.Kind()]}
}

func objectOf(t *testing.T, of reflect.Type, definitions map[string]any) map[string]any {
	properties, required := map[string]any{}, []string{}
	for f := range of.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		property := schemaOf(t, f.Type, definitions)
		if doc := f.Tag.Get("doc"); doc != "" {
			property["description"] = doc
		}
		switch enum := f.Tag.Get("enum"); enum {
		case "":
		case "REASONS":
			property["enum"] = decide.Reasons()
		default:
			property["enum"] = strings.Split(enum, ",")
		}
		properties[name] = property
		if options != "omitempty" {
			required = append(required, name)
		}
	}
	return map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

func published(t *testing.T) []byte {
	definitions := map[string]any{}
	schema := map[string]any{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"$id":         "https://github.com/camunda-autoscaler/camunda-autoscaler/raw/main/docs/api.schema.json",
		"title":       "JSON of camunda-scaler",
		"description": "Answers of /api/v1/targets (targets), of /api/v1/decisions (decisions), and to refused requests (error).",
		"$defs":       definitions,
	}
	var answers []map[string]any
	for _, of := range []reflect.Type{reflect.TypeFor[Targets](), reflect.TypeFor[Decisions](), reflect.TypeFor[Error]()} {
		answers = append(answers, schemaOf(t, of, definitions))
	}
	schema["anyOf"] = answers
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(schema); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

// The published schema is the one of the types: go generate writes it.
func TestSchemaIsThatOfTheTypes(t *testing.T) {
	want := published(t)
	if *update {
		if err := os.WriteFile(schemaPath, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("it does not fit the types in scaler/api/types.go: run go generate ./scaler/api")
	}
}

// compiled returns one of the schema's definitions.
func compiled(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("api.json", parsed); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("api.json#/$defs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fits wants JSON that the schema accepts.
func fits(t *testing.T, s *jsonschema.Schema, text []byte) {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if err := s.Validate(value); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}

// A schema that accepts anything proves nothing.
func TestSchemaRefuses(t *testing.T) {
	s := compiled(t, "targets")
	for _, text := range []string{
		`{}`,
		`{"scaler":{"version":"1","leads":true},"total":0,"targets":[],"groups":[],"more":1}`,
		`{"scaler":{"version":"1","leads":"yes"},"total":0,"targets":[],"groups":[]}`,
	} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if s.Validate(value) == nil {
			t.Errorf("it accepts %s", text)
		}
	}
	if !slices.Contains(strings.Split(reflect.TypeFor[Trigger]().Field(2).Tag.Get("enum"), ","), "value") {
		t.Error("this test has to look at another field")
	}
}
