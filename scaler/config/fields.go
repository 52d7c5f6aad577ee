package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	commoncfg "github.com/prometheus/common/config"
	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/calendar"
)

// key is a key of the file, by what its field's tags say.
type key struct {
	path      string // as in targets[].rule.min_replicas
	of        reflect.Type
	def       string // its default, as YAML
	otherwise string // what applies without a default
	required  bool
	flag      string
	doc       string // Markdown with {} around code
}

// keysOf lists the keys of a struct and of those in it, in their order.
func keysOf(t reflect.Type, path string) (keys []key) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if options == "inline" {
			keys = append(keys, keysOf(f.Type, path)...)
			continue
		}
		k := key{
			path: strings.TrimPrefix(path+"."+name, "."), of: f.Type, def: f.Tag.Get("default"), otherwise: f.Tag.Get("otherwise"),
			required: f.Tag.Get("required") != "", flag: f.Tag.Get("flag"), doc: f.Tag.Get("doc"),
		}
		if strings.Count(k.path, "[]") > 1 {
			k.flag = "" // flags know one target, and no list in it
		}
		keys = append(keys, k)
		under, of := k.path, f.Type
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice && !readElsewhere(of) {
			if of.Kind() == reflect.Slice {
				under += "[]"
			}
			of = of.Elem()
		}
		if of.Kind() == reflect.Struct && !readElsewhere(of) {
			keys = append(keys, keysOf(of, under)...)
		}
	}
	return keys
}

// readElsewhere reports whether the keys of a type are those of another
// project's library.
func readElsewhere(t reflect.Type) bool {
	return t == reflect.TypeFor[calendar.Times]() || strings.HasPrefix(t.PkgPath(), "github.com/prometheus/common/config")
}

var markdownLink = regexp.MustCompile(`\[([^][]+)\]\([^)]*\)`)

// plain is the documentation without its markup.
func (k key) plain() string {
	text := strings.NewReplacer("{", "", "}", "").Replace(k.doc)
	return markdownLink.ReplaceAllString(text, "$1")
}

// setDefaults sets a struct to what it is without any key.
func setDefaults(v reflect.Value) {
	if v.Type() == reflect.TypeFor[commoncfg.HTTPClientConfig]() {
		v.Set(reflect.ValueOf(commoncfg.DefaultHTTPClientConfig))
		return
	}
	for i := range v.NumField() {
		field := v.Field(i)
		def, ok := v.Type().Field(i).Tag.Lookup("default")
		switch {
		case ok && field.Kind() == reflect.String:
			field.SetString(def)
		case ok:
			if err := yaml.Unmarshal([]byte(def), field.Addr().Interface()); err != nil {
				panic(fmt.Sprintf("default of %s: %v", v.Type().Field(i).Name, err)) // a mistake in a tag
			}
		case field.Kind() == reflect.Struct:
			setDefaults(field)
		}
	}
}
