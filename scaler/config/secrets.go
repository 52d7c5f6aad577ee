package config

import (
	"errors"
	"net/url"
	"reflect"
	"slices"
	"strings"

	commoncfg "github.com/prometheus/common/config"
)

// A secret in the configuration is in a ConfigMap for all to read, and is not
// read again when it rotates. So it has to be in a file of its own.

// checkSecrets returns a fault for each secret that stands in the options
// themselves though it could be in a file.
func checkSecrets(c commoncfg.HTTPClientConfig) []fault {
	var faults []fault
	eachSecret(reflect.ValueOf(c), nil, func(path []string) {
		instead := path[len(path)-1] + "_file"
		if instead == "secrets_file" { // a header's list of them
			instead = "files"
		}
		faults = append(faults, fault{path, errors.New("a secret: want it in a file of its own, named by " + instead + ", which is read again when it changes")})
	})
	return faults
}

// checkNoPassword returns an error if the address has a password in it.
func checkNoPassword(address *url.URL) error {
	if _, ok := address.User.Password(); ok {
		return errors.New("a password: want basic_auth in the HTTP options, with password_file")
	}
	return nil
}

// eachSecret calls found with the path of every secret in v that is set.
func eachSecret(v reflect.Value, path []string, found func(path []string)) {
	switch {
	case v.Type() == reflect.TypeFor[commoncfg.ProxyHeader](): // has no files
	case v.Type() == reflect.TypeFor[commoncfg.Secret]():
		if v.Len() > 0 {
			found(path)
		}
	case v.Kind() == reflect.Pointer:
		if !v.IsNil() {
			eachSecret(v.Elem(), path, found)
		}
	case v.Kind() == reflect.Slice && v.Type().Elem() == reflect.TypeFor[commoncfg.Secret]():
		if v.Len() > 0 {
			found(path)
		}
	case v.Kind() == reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			eachSecret(v.MapIndex(key), append(slices.Clone(path), key.String()), found)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if !field.IsExported() {
				continue
			}
			at := path
			if name, options, _ := strings.Cut(field.Tag.Get("yaml"), ","); options != "inline" {
				at = append(slices.Clone(path), name)
			}
			eachSecret(v.Field(i), at, found)
		}
	}
}
