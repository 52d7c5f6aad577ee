package pods

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// Environment returns the container's variables, with fields of the Pod, keys of
// Secrets and references such as $(NAME) filled in.
func (r *Runner) Environment(ctx context.Context, pod *Pod, c Container) (map[string]string, error) {
	env := map[string]string{}
	for _, v := range c.Env {
		value, err := r.value(ctx, pod, v)
		if err != nil {
			return nil, fmt.Errorf("environment variable %s: %w", v.Name, err)
		}
		env[v.Name] = Expand(value, env)
	}
	return env, nil
}

func (r *Runner) value(ctx context.Context, pod *Pod, v Variable) (string, error) {
	from := v.ValueFrom
	switch {
	case from == nil:
		return v.Value, nil
	case from.FieldRef != nil:
		value, known := pod.field(from.FieldRef.FieldPath)
		if !known {
			return "", fmt.Errorf("the field %s is not known here", from.FieldRef.FieldPath)
		}
		return value, nil
	case from.SecretKeyRef != nil:
		return r.secret(ctx, pod.Metadata.Namespace, from.SecretKeyRef.Name, from.SecretKeyRef.Key)
	default:
		return "", errors.New("only values, fields and keys of Secrets are known here")
	}
}

func (r *Runner) secret(ctx context.Context, namespace, name, key string) (string, error) {
	var secret struct{ Data map[string][]byte }
	if err := r.cluster.Request(ctx, http.MethodGet, "/api/v1/namespaces/"+namespace+"/secrets/"+name, nil, &secret); err != nil {
		return "", err
	}
	value, ok := secret.Data[key]
	if !ok {
		return "", fmt.Errorf("the Secret %s has no key %s", name, key)
	}
	return string(value), nil
}
