package check

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/charts/project"
)

// kubernetes are the modules with the API servers' own schemas.
var kubernetes = map[string]string{"1.30": "k8s.io/kubernetes@v1.30.14", "1.36": "k8s.io/kubernetes@v1.36.3"}

type schema = map[string]any

// writeSchemas writes a file for each kind, as kubeconform names them.
func writeSchemas(folder, kubernetesVersion string) error {
	dir, err := project.Module(kubernetes[kubernetesVersion])
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, "api", "openapi-spec", "swagger.json"))
	if err != nil {
		return err
	}
	var swagger struct {
		Definitions map[string]schema `json:"definitions"`
	}
	if err := json.Unmarshal(text, &swagger); err != nil {
		return fmt.Errorf("reading the description of the API: %w", err)
	}
	definitions := map[string]any{}
	for name, d := range swagger.Definitions {
		definitions[name] = strict(d)
	}
	// Two types are written either way.
	definitions["io.k8s.apimachinery.pkg.util.intstr.IntOrString"] = schema{"type": []string{"string", "integer"}}
	definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"] = schema{"type": []string{"string", "number"}}
	for name, d := range swagger.Definitions {
		kinds, _ := d["x-kubernetes-group-version-kind"].([]any)
		for _, k := range kinds {
			gvk := k.(map[string]any)
			group, version, kind := gvk["group"].(string), gvk["version"].(string), gvk["kind"].(string)
			needed := map[string]any{}
			closure(definitions, name, needed)
			s := schema{"$ref": "#/definitions/" + name, "definitions": needed}
			if err := writeSchema(folder, kind, group, version, s); err != nil {
				return err
			}
		}
	}
	return writeOperatorSchemas(folder)
}

func writeOperatorSchemas(folder string) error {
	paths, err := project.OperatorCRDs()
	if err != nil {
		return err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var crd struct {
			Spec struct {
				Group    string
				Names    struct{ Kind string }
				Versions []struct {
					Name   string
					Schema struct {
						OpenAPIV3Schema schema `yaml:"openAPIV3Schema"`
					}
				}
			}
		}
		if err := yaml.Unmarshal(text, &crd); err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
		for _, v := range crd.Spec.Versions {
			s := strict(v.Schema.OpenAPIV3Schema)
			s["properties"].(schema)["metadata"] = schema{"type": "object"}
			if err := writeSchema(folder, crd.Spec.Names.Kind, crd.Spec.Group, v.Name, s); err != nil {
				return err
			}
		}
	}
	return nil
}

func writeSchema(folder, kind, group, version string, s schema) error {
	name := strings.ToLower(kind)
	if group != "" {
		name += "-" + strings.Split(group, ".")[0]
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, name+"-"+version+".json"), text, 0o644)
}

// strict refuses properties that are not declared, as the API server does for
// kubectl.
func strict(s schema) schema {
	out := schema{}
	for key, value := range s {
		switch v := value.(type) {
		case schema:
			value = strict(v)
		case []any:
			list := make([]any, len(v))
			for i, item := range v {
				list[i] = item
				if m, ok := item.(schema); ok {
					list[i] = strict(m)
				}
			}
			value = list
		}
		out[key] = value
	}
	_, declares := s["properties"].(schema)
	_, others := s["additionalProperties"]
	if _, isType := s["type"].(string); isType && declares && !others && s["x-kubernetes-preserve-unknown-fields"] != true {
		out["additionalProperties"] = false
	}
	if s["x-kubernetes-int-or-string"] == true {
		delete(out, "anyOf")
		delete(out, "pattern")
		out["type"] = []string{"string", "integer"}
	}
	return out
}

// closure adds to needed what the definition refers to.
func closure(all map[string]any, name string, needed map[string]any) {
	if _, ok := needed[name]; ok {
		return
	}
	needed[name] = all[name]
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case schema:
			if ref, ok := v["$ref"].(string); ok {
				closure(all, strings.TrimPrefix(ref, "#/definitions/"), needed)
			}
			for _, child := range v {
				walk(child)
			}
		case []any:
			for _, child := range v {
				walk(child)
			}
		}
	}
	walk(all[name])
}
