package config

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	commoncfg "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/calendar"
)

const (
	schemaPath = "../../docs/config.schema.json"
	schemaID   = "https://github.com/camunda-autoscaler/camunda-autoscaler/raw/main/docs/config.schema.json"
)

// The schema is made from the types that the parser reads, and their tags: go
// generate writes it.
func TestSchemaIsTheParsers(t *testing.T) {
	m := schemaMaker{}
	for _, k := range keysOf(reflect.TypeFor[file](), "") {
		m[k.path] = k
	}
	schema := m.of(t, reflect.TypeFor[file](), "")
	schema["$schema"], schema["$id"] = "https://json-schema.org/draft/2020-12/schema", schemaID
	schema["title"] = "Configuration of camunda-scaler"
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(schema); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaPath, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("it does not fit the types in scaler/config/file.go: run go generate ./scaler/config")
	}
	page, err := os.ReadFile(referencePath)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "# yaml-language-server: $schema="+schemaID+"\n") {
		t.Errorf("%s does not tell how to use it", referencePath)
	}
}

// A chart's values.schema.json can include the schema as it is, without $schema
// and $id: Helm 3 knows draft 7, and a reference would point elsewhere there.
func TestSchemaCanBeIncluded(t *testing.T) {
	text, err := os.ReadFile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "$ref") {
		t.Error("there is a $ref")
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	schema := parsed.(map[string]any)
	delete(schema, "$schema")
	delete(schema, "$id")
	checkKeywords(t, schema)
	c := jsonschema.NewCompiler()
	values := map[string]any{"$schema": "http://json-schema.org/draft-07/schema#", "properties": map[string]any{"config": schema}}
	if err := c.AddResource("values.schema.json", values); err != nil {
		t.Fatal(err)
	}
	included, err := c.Compile("values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile("testdata/everything.yml")
	if err != nil {
		t.Fatal(err)
	}
	if err := included.Validate(map[string]any{"config": readYAML(t, good)}); err != nil {
		t.Error(err)
	}
	if err := included.Validate(map[string]any{"config": readYAML(t, []byte("targets: [{querry: x}]"))}); err == nil {
		t.Error("a wrong key is accepted")
	}
}

// checkKeywords wants no keyword that draft 7 does not have.
func checkKeywords(t *testing.T, schema map[string]any) {
	t.Helper()
	known := []string{
		"title", "description", "default", "type", "enum", "properties", "required", "additionalProperties", "items",
		"minItems", "minLength", "maxLength", "minProperties", "minimum", "maximum", "pattern",
	}
	for keyword, value := range schema {
		if !slices.Contains(known, keyword) {
			t.Errorf("the keyword %s", keyword)
		}
		if keyword == "properties" {
			for _, property := range value.(map[string]any) {
				checkKeywords(t, property.(map[string]any))
			}
		} else if under, ok := value.(map[string]any); ok && keyword != "default" {
			checkKeywords(t, under)
		}
	}
}

// schemaMaker describes types as JSON schemas.
type schemaMaker map[string]key // by path

func (m schemaMaker) of(t *testing.T, of reflect.Type, path string) map[string]any {
	s := map[string]any{}
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if text := m[path].plain(); text != "" {
		s["description"] = text
	}
	if def := m[path].def; def != "" {
		s["default"] = readYAML(t, []byte(def))
	}
	fields := map[string]reflect.Value{}
	if of.Kind() == reflect.Struct {
		fields = fieldsOf(reflect.New(of).Elem())
	}
	w, words := reflect.TypeAssert[word](reflect.New(of).Elem())
	switch {
	case of == reflect.TypeFor[paused]():
		s["enum"] = []any{false, true, string(pausedUp), string(pausedDown)}
	case words:
		s["enum"] = w.words()
	case of == reflect.TypeFor[fileTime]():
		s["type"] = "string"
	case of == reflect.TypeFor[model.Duration]():
		s["type"], s["pattern"], s["minLength"] = []string{"string", "integer"}, durationPattern, 1
		s["minimum"], s["maximum"] = 0, 0 // which needs no unit
	case of == reflect.TypeFor[calendar.Times]():
		s["type"], s["minItems"], s["items"] = "array", 1, timesSchema()
	case of == reflect.TypeFor[commoncfg.TLSVersion]():
		s["enum"] = slices.Sorted(maps.Keys(commoncfg.TLSVersions))
	case of == reflect.TypeFor[commoncfg.Secret]() && !strings.Contains(path, "proxy_connect_header"): // which has no files
		s["type"], s["maxLength"], s["description"] = "string", 0, "A secret: it has to be in a file of its own."
	case of == reflect.TypeFor[commoncfg.URL]() || of.Kind() == reflect.String:
		s["type"] = "string"
	case of == reflect.TypeFor[commoncfg.Headers]():
		s["type"], s["additionalProperties"] = "object", m.of(t, reflect.TypeFor[commoncfg.Header](), path+"{}")
	case len(fields) > 0:
		properties, required := map[string]any{}, []string{}
		for name, field := range fields {
			at := strings.TrimPrefix(path+"."+name, ".")
			properties[name] = m.of(t, field.Type(), at)
			if m[at].required {
				required = append(required, name)
			}
		}
		s["type"], s["properties"], s["additionalProperties"] = "object", properties, false
		if len(required) > 0 {
			slices.Sort(required)
			s["required"] = required
		}
	case of.Kind() == reflect.Slice:
		s["type"], s["items"] = "array", m.of(t, of.Elem(), path+"[]")
		if strings.HasSuffix(of.Elem().PkgPath(), "scaler/config") {
			s["minItems"] = 1
		}
	case of == reflect.TypeFor[map[string][]string](): // query parameters: scalars of any type
		words := map[string]any{"type": "array", "items": map[string]any{"type": []string{"string", "number", "boolean"}}}
		s["type"], s["additionalProperties"] = "object", words
	case of.Kind() == reflect.Map:
		s["type"], s["additionalProperties"] = "object", m.of(t, of.Elem(), path+"{}")
	case of.Kind() == reflect.Interface: // anything
	case of.Kind() == reflect.Bool:
		s["type"] = "boolean"
	case of.Kind() == reflect.Float64:
		s["type"] = "number"
	case strings.HasSuffix(path, "min_replicas"):
		s["type"], s["minimum"], s["maximum"] = "integer", 0, 1<<31-1
	case of.Kind() == reflect.Int32: // all of them are replicas
		s["type"], s["minimum"], s["maximum"] = "integer", 1, 1<<31-1
	default:
		t.Fatalf("%s: no schema for %s", path, of)
	}
	return s
}

const durationPattern = `^(0|([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$`

// timesSchema is that of one of alertmanager's time intervals.
func timesSchema() map[string]any {
	list := func(items map[string]any) map[string]any {
		return map[string]any{"type": "array", "minItems": 1, "items": items}
	}
	word := func(description string) map[string]any {
		return map[string]any{"type": []string{"string", "integer"}, "description": description}
	}
	clock := map[string]any{"type": "string", "pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"}
	return map[string]any{
		"type": "object", "minProperties": 1, "additionalProperties": false,
		"properties": map[string]any{
			"times": list(map[string]any{
				"type": "object", "additionalProperties": false, "required": []string{"start_time", "end_time"},
				"properties": map[string]any{"start_time": clock, "end_time": clock},
			}),
			"weekdays":      list(word("a day or a range of days, as in monday:friday")),
			"days_of_month": list(word("a day or a range of days, from 1 or backwards from -1, the last, as in 1:7")),
			"months":        list(word("a month or a range of months, as in june:august or 6:8")),
			"years":         list(word("a year or a range of years, as in 2026:2027")),
		},
	}
}

func readYAML(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return textTimes(v)
}

// textTimes is the value with times as the text that JSON has for them.
func textTimes(v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.Format(time.RFC3339)
	case map[string]any:
		for key := range v {
			v[key] = textTimes(v[key])
		}
	case []any:
		for i := range v {
			v[i] = textTimes(v[i])
		}
	}
	return v
}

// The schema accepts what the parser accepts, and refuses what has the wrong
// shape. What contradicts itself is for the parser alone.
func TestSchemaOnFiles(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	contradictions := []string{
		"contradictions", "duplicate_target", "empty_query", "flaps", "flaps_calendar", "flaps_query",
		"pause", "short_interval", "url", "workload", "zero",
	}
	noYAML := []string{"duplicate_key", "syntax", "two_documents"}
	files, err := filepath.Glob("testdata/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		name, bad := strings.CutSuffix(filepath.Base(path), ".bad.yml")
		if bad && slices.Contains(noYAML, name) {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		err = schema.Validate(readYAML(t, text))
		if accepted := err == nil; accepted != (!bad || slices.Contains(contradictions, name)) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{referencePath, "../../README.md", triggersDoc} {
		if err := schema.Validate(readYAML(t, []byte(example(t, path)))); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	c, err := Load("testdata/everything.yml")
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(readYAML(t, text)); err != nil {
		t.Errorf("what /config shows: %v", err)
	}
}

// Together, the good files have every key, so all of them are read, explained
// and held to the schema.
func TestGoodFilesHaveEveryKey(t *testing.T) {
	known := map[string]bool{}
	for _, k := range keysOf(reflect.TypeFor[file](), "") {
		known[k.path] = true
	}
	index := regexp.MustCompile(`\.\d+`)
	for _, path := range []string{"testdata/full.yml", "testdata/everything.yml"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, doc := parse(text)
		for at := range doc.lines {
			delete(known, index.ReplaceAllString(strings.ReplaceAll(at, "\x00", "."), "[]"))
		}
	}
	for path := range known {
		t.Errorf("no good file has %s", path)
	}
}
