package engine

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed server.xml.tmpl
var serverXML string

//go:embed bpm-platform.xml.tmpl
var platformXML string

//go:embed context.xml.tmpl
var contextXML string

// writeTomcat writes a CATALINA_BASE for one node into the engine's folder;
// the programs stay in the build cache.
func (e *Engine) writeTomcat() error {
	for _, folder := range []string{"conf/Catalina/localhost", "webapps", "logs", "temp", "work"} {
		if err := os.MkdirAll(filepath.Join(e.dir, folder), 0o755); err != nil {
			return err
		}
	}
	if err := e.copyTomcatDefaults(); err != nil {
		return err
	}
	if err := e.writeWebXML(); err != nil {
		return err
	}
	driver := "org.postgresql.Driver"
	if strings.HasPrefix(e.spec.Database.URL, "jdbc:h2:") {
		driver = "org.h2.Driver"
	}
	data := map[string]any{
		"Port": e.port, "Driver": driver, "Database": e.spec.Database, "PoolSize": poolSize,
		"HistoryLevel": e.spec.HistoryLevel, "Authorization": e.spec.Authorization, "Admin": Admin,
		"JobThreads": jobThreads, "JobQueue": jobQueue, "JobsPerAcquisition": jobsPerAcquisition,
		"JobWait": jobWait.Milliseconds(), "JobMaxWait": jobMaxWait.Milliseconds(),
		"WebApp": filepath.Join(e.folder, "engine-rest"), "WebXML": e.webXML(),
	}
	// Tomcat reads the context path from the file's name.
	context := strings.ReplaceAll(strings.Trim(e.spec.ContextPath, "/"), "/", "#") + ".xml"
	return errors.Join(
		e.writeTemplate("conf/server.xml", serverXML, data),
		e.writeTemplate("conf/bpm-platform.xml", platformXML, data),
		e.writeTemplate("conf/Catalina/localhost/"+context, contextXML, data),
	)
}

func (e *Engine) writeTemplate(name, text string, data any) error {
	t, err := template.New(name).Parse(text)
	if err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(e.dir, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	return errors.Join(t.Execute(f, data), f.Close())
}

// copyTomcatDefaults copies Tomcat's own settings, changed so that it does not
// search every library for annotations, which takes seconds.
func (e *Engine) copyTomcatDefaults() error {
	from := filepath.Join(e.folder, "tomcat", "conf")
	for _, name := range []string{"web.xml", "logging.properties", "catalina.properties"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		changed := string(text)
		if name == "catalina.properties" {
			changed = strings.Replace(changed, "StandardJarScanFilter.jarsToSkip=\\", "StandardJarScanFilter.jarsToSkip=*.jar,\\", 1)
			changed = strings.Replace(changed, "common.loader=", fmt.Sprintf("common.loader=\"%s/lib/*.jar\",\"%s/testbed.jar\",", e.folder, e.folder), 1)
		}
		if err := os.WriteFile(filepath.Join(e.dir, "conf", name), []byte(changed), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// writeWebXML writes the REST API's deployment descriptor, in which basic
// authentication is there, but commented out.
func (e *Engine) writeWebXML() error {
	text, err := os.ReadFile(filepath.Join(e.folder, "engine-rest", "WEB-INF", "web.xml"))
	if err != nil {
		return err
	}
	changed := string(text)
	if e.spec.Authorization {
		changed = strings.Replace(changed, "<!-- <filter>", "<filter>", 1)
		changed = strings.Replace(changed, "</filter-mapping> -->", "</filter-mapping>", 1)
		if changed == string(text) {
			return errors.New("the REST API's web.xml has no authentication filter to switch on")
		}
	}
	return os.WriteFile(e.webXML(), []byte(changed), 0o644)
}

func (e *Engine) webXML() string { return filepath.Join(e.dir, "conf", "engine-rest.web.xml") }

func (e *Engine) tomcatArgs() []string {
	home := filepath.Join(e.folder, "tomcat")
	classes := []string{filepath.Join(home, "bin", "bootstrap.jar"), filepath.Join(home, "bin", "tomcat-juli.jar")}
	return []string{
		"-classpath", strings.Join(classes, string(os.PathListSeparator)),
		"-Dcatalina.home=" + home,
		"-Dcatalina.base=" + e.dir,
		"-Djava.io.tmpdir=" + filepath.Join(e.dir, "temp"),
		"-Djava.util.logging.manager=org.apache.juli.ClassLoaderLogManager",
		"-Djava.util.logging.config.file=" + filepath.Join(e.dir, "conf", "logging.properties"),
		"org.apache.catalina.startup.Bootstrap", "start",
	}
}
