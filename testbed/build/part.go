package build

import (
	"context"
	"maps"
	"runtime"
)

// Part names something that has to be built; its source is testbed/parts/PART.
type Part string

// The parts, and what their folders hold when they are built.
const (
	Kubernetes   Part = "kubernetes"   // kubernetes: etcd and the control plane in one program
	Kwok         Part = "kwok"         // kwok and stages.yaml, its rules for nodes and Pods
	Prometheus   Part = "prometheus"   // prometheus and promtool
	Alertmanager Part = "alertmanager" // alertmanager
	Postgres     Part = "postgres"     // bin/, lib/ and share/ of PostgreSQL
	Camunda714   Part = "camunda-7.14" // tomcat/, engine-rest/ (the unpacked war), lib/
	Camunda724   Part = "camunda-7.24" // engine.jar (Spring Boot), lib/, engine.jsa: the classes that it loads
	Operaton     Part = "operaton"     // the same
)

// Parts returns all parts but those that only a real node takes.
func Parts() []Part {
	return []Part{Kubernetes, Kwok, Prometheus, Alertmanager, Camunda724, Postgres, Camunda714, Operaton}
}

// A recipe builds one part.
type recipe struct {
	title string // how messages call the part
	cost  string // how long it takes the first time, as measured on two cores
	maven bool   // waits for downloads more than it computes
	flags []string
	make  func(ctx context.Context, j *job) error
}

func recipes() map[Part]recipe {
	all := map[Part]recipe{
		Kubernetes: {
			title: "Kubernetes control plane", cost: "about 6 minutes",
			flags: []string{"-ldflags", kubernetesLinkerFlags}, make: goBuild("."),
		},
		Kwok: {
			// Its go.mod has the versions of Kubernetes's, so that most of it is
			// compiled already.
			title: "kwok", cost: "about 10 seconds",
			flags: []string{"-ldflags", "-s -w -X sigs.k8s.io/kwok/pkg/consts.Version=v0.8.0"}, make: makeKwok,
		},
		Prometheus: {
			title: "Prometheus", cost: "about 2 minutes",
			flags: []string{"-tags", "remove_all_sd,enable_kubernetes_sd", "-ldflags", "-s -w"},
			make: goBuild("github.com/prometheus/prometheus/cmd/prometheus",
				"github.com/prometheus/prometheus/cmd/promtool"),
		},
		Alertmanager: {
			title: "Alertmanager", cost: "about 40 seconds",
			flags: []string{"-ldflags", "-s -w"}, make: goBuild("github.com/prometheus/alertmanager/cmd/alertmanager"),
		},
		Postgres: {
			title: "PostgreSQL", cost: "about 10 seconds", maven: true,
			flags: []string{"-Dplatform=" + platform()}, make: makePostgres,
		},
		Camunda714: {
			title: "Camunda 7.14 on Tomcat", cost: "about 20 seconds", maven: true, make: mavenBuild("tomcat", "engine-rest", "lib", "testbed.jar"),
		},
		Camunda724: {
			title: "Camunda 7.24", cost: "about 40 seconds", maven: true, flags: []string{bootLayout}, make: makeBoot,
		},
		Operaton: {
			title: "Operaton", cost: "about 40 seconds", maven: true, flags: []string{bootLayout}, make: makeBoot,
		},
	}
	maps.Copy(all, nodeRecipes())
	maps.Copy(all, peerRecipes())
	return all
}

// bootLayout tells what makeBoot leaves from what it left before. Maven ignores it.
const bootLayout = "-Dtestbed.layout=unpacked"

// kubernetesLinkerFlags sets the version that the components report.
const kubernetesLinkerFlags = "-s -w" +
	" -X k8s.io/component-base/version.gitVersion=v1.36.3" +
	" -X k8s.io/component-base/version.gitMajor=1" +
	" -X k8s.io/component-base/version.gitMinor=36" +
	" -X k8s.io/component-base/version.gitTreeState=clean"

// platform is this machine's name in the PostgreSQL bundles' names.
func platform() string {
	arch := runtime.GOARCH
	if arch == "arm64" {
		arch = "arm64v8"
	}
	return runtime.GOOS + "-" + arch
}
