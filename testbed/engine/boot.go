package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// linkBoot links a Spring Boot engine into the folder in which it runs: the paths
// in its archive of classes are relative.
func (e *Engine) linkBoot() error {
	for _, name := range []string{"engine.jar", "engine.jsa", "lib"} {
		err := os.Symlink(filepath.Join(e.folder, name), filepath.Join(e.dir, name))
		if err != nil && !errors.Is(err, fs.ErrExist) { // it is there after a restart
			return err
		}
	}
	return nil
}

// bootArgs runs a Spring Boot engine; all of its configuration is arguments.
func (e *Engine) bootArgs() []string {
	vendor := "camunda"
	if e.spec.Distribution == Operaton {
		vendor = "operaton"
	}
	bpm := func(property string, value any) string {
		return fmt.Sprintf("--%s.bpm.%s=%v", vendor, property, value)
	}
	args := []string{
		"-XX:SharedArchiveFile=engine.jsa", "-jar", "engine.jar",
		"--server.address=127.0.0.1",
		fmt.Sprintf("--server.port=%d", e.port),
		"--spring.jersey.application-path=" + e.spec.ContextPath,
		"--spring.datasource.url=" + e.spec.Database.URL,
		"--spring.datasource.username=" + e.spec.Database.User,
		"--spring.datasource.password=" + e.spec.Database.Password,
		fmt.Sprintf("--spring.datasource.hikari.maximum-pool-size=%d", poolSize),
		bpm("history-level", e.spec.HistoryLevel),
		bpm("job-execution.core-pool-size", jobThreads),
		bpm("job-execution.max-pool-size", jobThreads),
		bpm("job-execution.queue-capacity", jobQueue),
		bpm("job-execution.max-jobs-per-acquisition", jobsPerAcquisition),
		bpm("job-execution.wait-time-in-millis", jobWait.Milliseconds()),
		bpm("job-execution.max-wait", jobMaxWait.Milliseconds()),
	}
	if e.spec.Authorization {
		args = append(args,
			"--testbed.authentication=true",
			bpm("authorization.enabled", true),
			bpm("admin-user.id", Admin.Name),
			bpm("admin-user.password", Admin.Password),
		)
	}
	return args
}
