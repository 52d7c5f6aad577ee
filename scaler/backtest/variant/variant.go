// Package variant reads variants of a target, such as scale_up_at=40, as its
// configuration file is read.
package variant

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
)

// Document is a configuration file as text, so that variants of a target can be
// read as the file itself is.
type Document struct {
	path string // "" if there is no file
	text []byte
}

// Read reads a configuration file; "" is the default rule.
func Read(path string) (Document, error) {
	if path == "" {
		return Document{text: []byte("targets: [{}]")}, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Document{}, fmt.Errorf("read the configuration: %w", err)
	}
	return Document{path, text}, nil
}

// Config returns what the document says.
func (d Document) Config() (config.Config, error) {
	if d.path == "" {
		return config.Parse("default", d.text)
	}
	return config.Load(d.path)
}

// Choose returns the target of that name, with its index in the file. A workload
// of a group is named TARGET/NAMESPACE/NAME. "" is the only target.
func Choose(c config.Config, name string) (t config.Target, key query.Key, index int, err error) {
	var names []string
	for i, t := range c.Targets {
		names = append(names, t.Name)
		switch {
		case t.Group == nil && (t.Name == name || name == "" && len(c.Targets) == 1):
			return t, key, i, nil
		case t.Group == nil:
			continue
		case t.Name == name, name == "" && len(c.Targets) == 1:
			return t, key, i, fmt.Errorf("target %s is a group: want one of its workloads, as --target=%s/NAMESPACE/NAME", t.Name, t.Name)
		}
		if rest, ok := strings.CutPrefix(name, t.Name+"/"); ok {
			namespace, workload, ok := strings.Cut(rest, "/")
			if ok {
				t.Name = name
				t.Workload.Namespace, t.Workload.Name = namespace, workload
				return t, query.Key{Namespace: namespace, Name: workload}, i, nil
			}
		}
	}
	if name == "" {
		return t, key, 0, fmt.Errorf("the file has several targets: name one by --target: %s", strings.Join(names, ", "))
	}
	return t, key, 0, fmt.Errorf("no target %q: want one of %s", name, strings.Join(names, ", "))
}

// Vary returns the target at that index with other settings, such as
// "scale_up_at=40,max_replicas=6". A key is that of the file: of the target, of
// its rule, or of a trigger as in triggers.NAME.scale_up_at.
func (d Document) Vary(index int, settings string) (config.Target, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(d.text, &root); err != nil || len(root.Content) == 0 {
		return config.Target{}, fmt.Errorf("read the configuration again: %w", err)
	}
	top := root.Content[0]
	targets := valueOf(top, "targets")
	if targets == nil || index >= len(targets.Content) {
		return config.Target{}, errors.New("read the configuration again: it has changed")
	}
	target := resolved(targets.Content[index])
	for setting := range strings.SplitSeq(settings, ",") {
		key, value, ok := strings.Cut(strings.TrimSpace(setting), "=")
		if !ok {
			return config.Target{}, fmt.Errorf("--rule=%s: %q: want KEY=VALUE, for example scale_up_at=40", settings, setting)
		}
		if err := set(top, target, key, value); err != nil {
			return config.Target{}, fmt.Errorf("--rule=%s: %w", settings, err)
		}
	}
	text, err := yaml.Marshal(&root)
	if err != nil {
		return config.Target{}, fmt.Errorf("--rule=%s: %w", settings, err)
	}
	c, err := config.Parse("rule", text)
	if err != nil {
		lines := lineOfError.ReplaceAllString(err.Error(), "") // of no file that its reader has
		if strings.Contains(lines, "unknown key") {
			lines += "; or of the rule: " + strings.Join(append(slices.Clone(thresholdKeys), limitKeys...), ", ")
		}
		return config.Target{}, fmt.Errorf("--rule=%s: %s", settings, lines)
	}
	return c.Targets[index], nil
}

var lineOfError = regexp.MustCompile(`(?m)^rule:(\d+:)? *`)

// Keys of a rule that decide by the load, and those of its limits.
var (
	stepKeys      = []string{"scale_up_at", "scale_down_at", "per"}
	thresholdKeys = append([]string{"type", "value_per_replica"}, stepKeys...)
	limitKeys     = []string{"step_up", "step_down", "min_replicas", "max_replicas", "max_replicas_query", "allow_flapping"}
	sharedKeys    = []string{"interval", "max_sample_age"}
)

// set sets a key to a value.
func set(top, target *yaml.Node, key, value string) error {
	switch name, rest, _ := strings.Cut(key, "."); name {
	case "triggers":
		return setTrigger(target, rest, value)
	case "rule":
		key = rest
	}
	switch {
	case slices.Contains(sharedKeys, key):
		put(top, key, value)
	case slices.Contains(thresholdKeys, key):
		setThreshold(child(target, "rule"), key, value)
	case slices.Contains(limitKeys, key):
		put(child(target, "rule"), key, value)
	default:
		put(target, key, value)
	}
	return nil
}

func setTrigger(target *yaml.Node, key, value string) error {
	list := valueOf(target, "triggers")
	if list == nil {
		return errors.New("the target has no triggers: want the key without triggers.NAME before it")
	}
	// A name may have dots; a key has none.
	name, key, ok := cutLast(key, ".")
	if !ok {
		return errors.New("want triggers.NAME.KEY=VALUE")
	}
	name = strings.TrimSuffix(name, ".rule")
	for _, trigger := range list.Content {
		trigger = resolved(trigger)
		if n := valueOf(trigger, "name"); n == nil || n.Value != name {
			continue
		}
		if slices.Contains(thresholdKeys, key) {
			setThreshold(child(trigger, "rule"), key, value)
		} else {
			put(trigger, key, value)
		}
		return nil
	}
	return fmt.Errorf("no trigger %q", name)
}

func cutLast(text, at string) (before, after string, found bool) {
	i := strings.LastIndex(text, at)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(at):], true
}

// setThreshold sets a bound. One of the other type makes the rule one of that
// type.
func setThreshold(rule *yaml.Node, key, value string) {
	switch {
	case key == "value_per_replica" || key == "type" && value == "target":
		put(rule, "type", "target")
		for _, other := range stepKeys {
			remove(rule, other)
		}
	case slices.Contains(stepKeys, key) || key == "type" && value == "step":
		remove(rule, "type")
		remove(rule, "value_per_replica")
	}
	put(rule, key, value)
}

func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func valueOf(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return resolved(mapping.Content[i+1])
		}
	}
	return nil
}

// child returns the mapping under a key, a new one if there is none.
func child(mapping *yaml.Node, key string) *yaml.Node {
	if n := valueOf(mapping, key); n != nil && n.Kind == yaml.MappingNode {
		return n
	}
	remove(mapping, key)
	n := &yaml.Node{Kind: yaml.MappingNode}
	mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, n)
	mapping.Style = 0
	return n
}

func put(mapping *yaml.Node, key, value string) {
	remove(mapping, key)
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: value}
	if _, err := strconv.ParseFloat(value, 64); err != nil && value != "true" && value != "false" {
		n.Tag, n.Style = "!!str", yaml.DoubleQuotedStyle
	}
	mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, n)
}

func remove(mapping *yaml.Node, key string) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content = slices.Delete(mapping.Content, i, i+2)
			return
		}
	}
}
