package config

import (
	"errors"
	"net/url"
	"reflect"
	"slices"

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
	slices.SortFunc(faults, func(a, b fault) int { return slices.Compare(a.path, b.path) })
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
	under := func(key string) []string { return append(slices.Clone(path), key) }
	switch v.Type() {
	case reflect.TypeFor[commoncfg.ProxyHeader](): // has no files
		return
	case reflect.TypeFor[commoncfg.Secret](), reflect.TypeFor[[]commoncfg.Secret]():
		if v.Len() > 0 {
			found(path)
		}
		return
	case reflect.TypeFor[commoncfg.Headers](): // nothing but a map, inlined
		v = v.FieldByName("Headers")
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			eachSecret(v.Elem(), path, found)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			eachSecret(v.MapIndex(key), under(key.String()), found)
		}
	case reflect.Struct:
		for key, field := range fieldsOf(v) {
			eachSecret(field, under(key), found)
		}
	}
}
