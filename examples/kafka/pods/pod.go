package pods

import (
	"strings"
	"time"
)

// Pod is what a Runner needs of a Pod.
type Pod struct {
	Metadata struct {
		Name, Namespace, UID       string
		Labels                     map[string]string
		DeletionTimestamp          *time.Time
		DeletionGracePeriodSeconds *int
	}
	Spec struct {
		NodeName           string
		ServiceAccountName string
		RestartPolicy      string
		InitContainers     []Container
		Containers         []Container
		Volumes            []Volume
	}
}

// Container is one of a Pod's.
type Container struct {
	Name, Image   string
	Command, Args []string
	Env           []Variable
	VolumeMounts  []struct{ Name, MountPath string }
}

// Variable is an environment variable, with a value or a field of the Pod.
type Variable struct {
	Name, Value string
	ValueFrom   *struct {
		FieldRef *struct{ FieldPath string }
	}
}

// Volume is one of a Pod's: of the kinds there are, the two that hold something.
type Volume struct {
	Name                  string
	ConfigMap             *struct{ Name string }
	PersistentVolumeClaim *struct{ ClaimName string }
}

// Repository returns the image without its tag.
func (c Container) Repository() string {
	repository, _, _ := cut(c.Image)
	return repository
}

// Tag returns the image's tag.
func (c Container) Tag() string {
	_, tag, _ := cut(c.Image)
	return tag
}

func cut(image string) (repository, tag string, found bool) {
	i := strings.LastIndex(image, ":")
	if i < 0 || strings.Contains(image[i:], "/") {
		return image, "", false
	}
	return image[:i], image[i+1:], true
}

// Environment returns the container's variables, with fields of the Pod and
// references such as $(NAME) filled in.
func (p *Pod) Environment(c Container) map[string]string {
	env := map[string]string{}
	for _, v := range c.Env {
		value := v.Value
		if v.ValueFrom != nil && v.ValueFrom.FieldRef != nil {
			value = p.field(v.ValueFrom.FieldRef.FieldPath)
		}
		env[v.Name] = Expand(value, env)
	}
	return env
}

func (p *Pod) field(path string) string {
	if label, ok := strings.CutPrefix(path, "metadata.labels['"); ok {
		return p.Metadata.Labels[strings.TrimSuffix(label, "']")]
	}
	switch path {
	case "metadata.name":
		return p.Metadata.Name
	case "metadata.namespace":
		return p.Metadata.Namespace
	default:
		return ""
	}
}

// Expand replaces references such as $(NAME), as Kubernetes does in variables and
// arguments.
func Expand(text string, env map[string]string) string {
	for name, value := range env {
		text = strings.ReplaceAll(text, "$("+name+")", value)
	}
	return text
}
