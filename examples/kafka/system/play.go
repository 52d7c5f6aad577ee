package system

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/pods"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// node is where a Kafka node's three ports are.
type node struct{ broker, controller, ready int }

// play returns the program that plays a container: the same arguments and the same
// environment, but for addresses, paths and users.
func (s *System) play(ctx context.Context, runner *pods.Runner, pod *pods.Pod, c pods.Container) (pods.Program, error) {
	env, err := runner.Environment(ctx, pod, c)
	if err != nil {
		return pods.Program{}, err
	}
	args := make([]string, len(c.Args))
	folders, err := s.mount(ctx, pod, c)
	if err != nil {
		return pods.Program{}, err
	}
	for i, arg := range c.Args {
		args[i] = s.rewrite(pods.Expand(arg, env), folders)
	}
	for name, value := range env {
		env[name] = s.rewrite(value, folders)
	}
	p := pods.Program{}
	switch repository := path.Base(c.Repository()); repository {
	case "kafka":
		return s.playKafka(pod, c, env, folders)
	case "admin":
		p, err = s.playAdmin(pod, args)
	case "camunda-scaler":
		p, err = s.playScaler(pod, args)
	case "producer", "consumer":
		p.Path, p.Args = s.parts.Interpreter, []string{"-m", "posts." + repository}
		if len(c.Command) > 1 {
			p.Args = c.Command[1:]
		}
		env["PYTHONPATH"] = s.parts.PythonPath()
		env["PYTHONUNBUFFERED"], env["PYTHONDONTWRITEBYTECODE"] = "1", "1"
		env["SINK"] = s.Sink()
	default:
		err = fmt.Errorf("no program plays the image %s", c.Image)
	}
	p.Env = list(env)
	return p, err
}

func (s *System) playKafka(pod *pods.Pod, c pods.Container, env, folders map[string]string) (pods.Program, error) {
	kafka, ok := s.parts.Kafka[c.Tag()]
	if !ok {
		return pods.Program{}, fmt.Errorf("there are no jars of Kafka %s", c.Tag())
	}
	n, err := s.node(pod)
	if err != nil {
		return pods.Program{}, err
	}
	run := filepath.Join(s.dir, "run", pod.Metadata.Name)
	for _, folder := range []string{run, folders["/var/lib/kafka"]} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return pods.Program{}, err
		}
	}
	maps.Copy(env, map[string]string{
		"CONFIG_DIR": folders["/etc/kafka-node"], "DATA_DIR": folders["/var/lib/kafka"], "RUN_DIR": run, "KAFKA_LIBS": kafka.Libs, "JVM_OPTIONS": kafka.Options(env["JVM_OPTIONS"]),
		"HOST": ports.Host, "LISTEN": ports.Host, "BROKER_PORT": strconv.Itoa(n.broker), "CONTROLLER_PORT": strconv.Itoa(n.controller),
		"PATH": filepath.Dir(build.Java()) + ":" + os.Getenv("PATH"),
	})
	command := append(slices.Clone(c.Command), c.Args...)
	for i := range command {
		command[i] = s.rewrite(command[i], folders)
	}
	return pods.Program{Spec: process.Spec{Path: command[0], Args: command[1:], Env: list(env), Dir: run}}, nil
}

func (s *System) playAdmin(pod *pods.Pod, args []string) (pods.Program, error) {
	p := pods.Program{Spec: process.Spec{Path: s.parts.Admin, Args: args}}
	switch args[0] {
	case "ready":
		n, err := s.node(pod)
		if err != nil {
			return p, err
		}
		p.Args = append(p.Args, "--web.listen-address="+ports.Address(n.ready))
		p.Ready = get("http://" + ports.Address(n.ready) + "/ready")
	case "exporter":
		p.Args = append(p.Args, "--web.listen-address="+s.exporter)
		p.Ready = get("http://" + s.exporter + "/-/healthy")
	}
	return p, nil
}

func (s *System) playScaler(pod *pods.Pod, args []string) (pods.Program, error) {
	p := pods.Program{Spec: process.Spec{Path: s.parts.Scaler, Args: args}}
	if args[0] == "check-config" {
		return p, nil
	}
	// What the chart's Role permits its ServiceAccount, and nothing else.
	user := "system:serviceaccount:" + pod.Metadata.Namespace + ":" + pod.Spec.ServiceAccountName
	kubeconfig, err := s.Cluster.UserKubeconfig(user, "system:serviceaccounts", "system:authenticated")
	if err != nil {
		return p, err
	}
	p.Args = append(p.Args, "--kubeconfig="+kubeconfig, "--web.listen-address="+strings.TrimPrefix(s.Scaler, "http://"))
	p.Ready = get(s.Scaler + "/-/ready")
	return p, nil
}

func get(url string) func(context.Context) error {
	return func(ctx context.Context) error { return process.Request(ctx, http.MethodGet, url) }
}

// node returns the ports of the node that a Pod is.
func (s *System) node(pod *pods.Pod) (node, error) {
	index, err := strconv.Atoi(pod.Metadata.Labels["apps.kubernetes.io/pod-index"])
	if err != nil || index >= len(s.nodes) {
		return node{}, fmt.Errorf("pod %s is none of %d nodes", pod.Metadata.Name, len(s.nodes))
	}
	return s.nodes[index], nil
}

// rewrite replaces names that only a cluster's DNS knows, and paths.
func (s *System) rewrite(text string, folders map[string]string) string {
	for i, n := range s.nodes {
		name := fmt.Sprintf("%s-%d.%s-nodes.%s.svc:9093", Cluster, i, Cluster, Namespace)
		text = strings.ReplaceAll(text, name, ports.Address(n.controller))
	}
	text = strings.ReplaceAll(text, fmt.Sprintf("%s.%s.svc:9092", Cluster, Namespace), s.Bootstrap())
	for from, to := range folders {
		text = strings.ReplaceAll(text, from, to)
	}
	return text
}

// mount writes a container's ConfigMaps into folders, makes those of its claims,
// and returns where they are, by the paths in the container.
func (s *System) mount(ctx context.Context, pod *pods.Pod, c pods.Container) (map[string]string, error) {
	folders := map[string]string{}
	for _, m := range c.VolumeMounts {
		// The claims of a StatefulSet are not among the volumes of its template, but among those of its Pods.
		for _, v := range pod.Spec.Volumes {
			switch {
			case v.Name != m.Name:
			case v.ConfigMap != nil:
				folder := filepath.Join(s.dir, "mounts", pod.Metadata.UID, v.Name)
				if err := s.writeConfigMap(ctx, pod.Metadata.Namespace, v.ConfigMap.Name, folder); err != nil {
					return nil, err
				}
				folders[m.MountPath] = folder
			case v.PersistentVolumeClaim != nil:
				folders[m.MountPath] = filepath.Join(s.dir, "volumes", v.PersistentVolumeClaim.ClaimName)
			}
		}
	}
	return folders, nil
}

func (s *System) writeConfigMap(ctx context.Context, namespace, name, folder string) error {
	var found struct{ Data map[string]string }
	if err := s.Cluster.Request(ctx, http.MethodGet, "/api/v1/namespaces/"+namespace+"/configmaps/"+name, nil, &found); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for file, text := range found.Data {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func list(env map[string]string) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		all = append(all, name+"="+env[name])
	}
	return all
}
