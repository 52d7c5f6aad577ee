// Package images builds the images of the tests: the project's own from its
// Dockerfiles, and stand-ins for those that would come from a registry.
package images

import (
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"

	"github.com/camunda-autoscaler/camunda-autoscaler/e2e/image"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
)

//go:embed camunda postgres
var files embed.FS

// StandIns returns images that stand in for the given ones: for
// camunda/camunda-bpm-platform, postgres and prom/prometheus, with any tag.
// They accept the same environment variables, arguments, users and volumes.
// Their own files are written to folder.
func StandIns(ctx context.Context, folder string, names ...string) ([]image.Image, error) {
	parts, err := build.Ensure(ctx, os.Stderr, build.Debian, build.CamundaImage, build.Prometheus)
	if err != nil {
		return nil, err
	}
	if err := os.CopyFS(folder, files); err != nil {
		return nil, err
	}
	// An embedded file has lost its mode.
	for _, script := range []string{"camunda/camunda.sh", "postgres/docker-entrypoint.sh"} {
		if err := os.Chmod(filepath.Join(folder, script), 0o755); err != nil {
			return nil, err
		}
	}
	known := map[string]func(name string) image.Image{
		"index.docker.io/camunda/camunda-bpm-platform": func(name string) image.Image { return camunda(name, folder, parts) },
		"index.docker.io/library/postgres":             func(name string) image.Image { return postgres(name, folder, parts) },
		"index.docker.io/prom/prometheus":              func(name string) image.Image { return prometheus(name, parts) },
	}
	var all []image.Image
	for _, name := range names {
		repository, err := image.Repository(name)
		if err != nil {
			return nil, err
		}
		standIn, ok := known[repository]
		if !ok {
			return nil, fmt.Errorf("there is no stand-in for the image %s", name)
		}
		all = append(all, standIn(name))
	}
	return all, nil
}

func debian(parts map[build.Part]string) string {
	return filepath.Join(parts[build.Debian], "root.tar")
}

func camunda(name, folder string, parts map[build.Part]string) image.Image {
	return image.Image{
		Name: name, Base: debian(parts), Owner: 1000,
		Files: map[string]string{
			"/camunda":                       filepath.Join(parts[build.CamundaImage], "camunda"),
			"/camunda/camunda.sh":            filepath.Join(folder, "camunda/camunda.sh"),
			"/camunda/conf/server.xml":       filepath.Join(folder, "camunda/server.xml"),
			"/camunda/conf/bpm-platform.xml": filepath.Join(folder, "camunda/bpm-platform.xml"),
		},
		User: "camunda", WorkingDir: "/camunda", Command: []string{"./camunda.sh"},
		Env: []string{
			"DB_DRIVER=org.h2.Driver", "DB_URL=jdbc:h2:./camunda-h2-dbs/process-engine;TRACE_LEVEL_FILE=0;DB_CLOSE_ON_EXIT=FALSE",
			"DB_USERNAME=sa", "DB_PASSWORD=sa", "DB_CONN_MAXACTIVE=20", "DB_CONN_MINIDLE=5", "DB_CONN_MAXIDLE=20",
			"DB_VALIDATE_ON_BORROW=false", "DB_VALIDATION_QUERY=SELECT 1", "SKIP_DB_CONFIG=",
			"WAIT_FOR=", "WAIT_FOR_TIMEOUT=30", "TZ=UTC", "JAVA_OPTS=-Xmx768m -XX:MaxMetaspaceSize=256m",
			// The official image of 7.14 has Java 11, which permits this by default.
			"JDK_JAVA_OPTIONS=--add-opens=java.base/java.util=ALL-UNNAMED --add-opens=java.base/java.lang=ALL-UNNAMED",
		},
	}
}

func postgres(name, folder string, parts map[build.Part]string) image.Image {
	return image.Image{
		Name: name, Base: debian(parts), Owner: 999,
		Files:      map[string]string{"/usr/local/bin/docker-entrypoint.sh": filepath.Join(folder, "postgres/docker-entrypoint.sh")},
		Folders:    []string{"/run/postgresql", "/var/lib/postgresql/data", "/docker-entrypoint-initdb.d"},
		Entrypoint: []string{"docker-entrypoint.sh"}, Command: []string{"postgres"},
		Env: []string{
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/15/bin",
			"PGDATA=/var/lib/postgresql/data",
		},
	}
}

func prometheus(name string, parts map[build.Part]string) image.Image {
	return image.Image{
		Name: name, Owner: 65534,
		Files: map[string]string{
			"/bin/prometheus": filepath.Join(parts[build.Prometheus], "prometheus"),
			"/bin/promtool":   filepath.Join(parts[build.Prometheus], "promtool"),
		},
		Folders: []string{"/prometheus"}, WorkingDir: "/prometheus",
		// The official image has a name for this user; this one has no /etc/passwd.
		User: "65534", Entrypoint: []string{"/bin/prometheus"},
		Command: []string{"--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"},
	}
}
