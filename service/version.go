package service

import (
	"runtime/debug"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/common/version"
)

// Version returns the program's version: the one set by the linker, else the
// one that go build takes from the repository, else "devel".
func Version() string {
	if version.Version != "" {
		return version.Version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return strings.TrimPrefix(info.Main.Version, "v")
	}
	return "devel"
}

// Revision returns the commit that the program was built from, else "unknown".
func Revision() string {
	return version.GetRevision()
}

// VersionText returns what --version prints.
func VersionText(name string) string {
	return name + ", version " + Version() + " (revision: " + Revision() + ", " + version.GoVersion + ", " + version.GoOS + "/" + version.GoArch + ")"
}

// UserAgent returns how a program calls itself in requests.
func UserAgent(name string) string { return name + "/" + Version() }

// NewRegistry returns a registry with NAMESPACE_build_info and the metrics of
// the Go runtime and of the process.
func NewRegistry(namespace string) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		versioncollector.NewCollector(namespace, versioncollector.WithExtraConstLabels(prometheus.Labels{"version": Version()})),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return r
}
