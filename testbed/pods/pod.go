package pods

import (
	"strings"
	"time"
)

// Pod is what is known of a Pod here.
type Pod struct {
	Metadata struct {
		Name, Namespace, UID       string
		Labels, Annotations        map[string]string
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

	Address string `json:"-"` // its own on loopback, if the Runner gives addresses
}

// Container is one of a Pod's.
type Container struct {
	Name, Image    string
	Command, Args  []string
	Env            []Variable
	Ports          []Port
	VolumeMounts   []struct{ Name, MountPath string }
	ReadinessProbe *struct {
		HTTPGet *struct {
			Path string
			Port any // name or number
		}
	}
	Lifecycle struct {
		PreStop struct{ Sleep struct{ Seconds int } }
	}
}

// Port is one of a container's.
type Port struct {
	Name          string
	ContainerPort int
}

// Variable is an environment variable: a value, a field of the Pod, or a key of a
// Secret.
type Variable struct {
	Name, Value string
	ValueFrom   *struct {
		FieldRef     *struct{ FieldPath string }
		SecretKeyRef *struct{ Name, Key string }
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
	repository, _ := cut(c.Image)
	return repository
}

// Tag returns the image's tag.
func (c Container) Tag() string {
	_, tag := cut(c.Image)
	return tag
}

func cut(image string) (repository, tag string) {
	i := strings.LastIndex(image, ":")
	if i < 0 || strings.Contains(image[i:], "/") {
		return image, ""
	}
	return image[:i], image[i+1:]
}

func (p *Pod) path() string {
	return "/api/v1/namespaces/" + p.Metadata.Namespace + "/pods/" + p.Metadata.Name
}

func (p *Pod) field(path string) (value string, known bool) {
	if label, ok := strings.CutPrefix(path, "metadata.labels['"); ok {
		return p.Metadata.Labels[strings.TrimSuffix(label, "']")], true
	}
	switch path {
	case "metadata.name":
		return p.Metadata.Name, true
	case "metadata.namespace":
		return p.Metadata.Namespace, true
	case "status.podIP":
		return p.Address, p.Address != ""
	default:
		return "", false
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
