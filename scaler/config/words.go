package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	commoncfg "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
)

// word is a type with a closed set of values.
type word interface{ words() []string }

// wanted describes a type to the author of a file.
func wanted(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if w, ok := reflect.TypeAssert[word](reflect.Zero(t)); ok {
		return "one of: " + strings.Join(w.words(), ", ")
	}
	switch {
	case t == reflect.TypeFor[model.Duration]():
		return "a duration, for example 10s"
	case t == reflect.TypeFor[fileTime]():
		return "a time, for example 2026-12-01T08:00:00Z"
	case t.Kind() == reflect.String || t == reflect.TypeFor[commoncfg.URL]() || t == reflect.TypeFor[commoncfg.TLSVersion]():
		return "text"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int32:
		return "a whole number up to 2147483647"
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

// fieldsOf returns a struct's fields by their keys, including inlined ones.
// Keys that refer to a secret manager are left out: the scaler has none.
func fieldsOf(v reflect.Value) map[string]reflect.Value {
	fields := map[string]reflect.Value{}
	for i := range v.NumField() {
		key, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		switch {
		case options == "inline" && v.Field(i).Kind() == reflect.Struct:
			maps.Copy(fields, fieldsOf(v.Field(i)))
		case key != "" && key != "-" && !strings.HasSuffix(key, "_ref"):
			fields[key] = v.Field(i)
		}
	}
	return fields
}

// suggest names the word that was meant, or all there are.
func suggest(got string, words []string) string {
	nearest := slices.MinFunc(words, func(a, b string) int { return distance(got, a) - distance(got, b) })
	if distance(got, nearest) <= min(2, len(nearest)/2) {
		return fmt.Sprintf("did you mean %s?", nearest)
	}
	return "want one of: " + strings.Join(words, ", ")
}

// distance is the number of letters to insert, drop or change.
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
