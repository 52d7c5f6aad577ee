package parts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

const archiveName = "classes.jsa"

// archive is a part with Kafka's classes as the JVM has them in memory, which halves
// the CPU time of a start: 1.6 instead of 3.1 s. The JVM ignores one of another JDK
// or of jars in another folder.
func archive(ctx context.Context, example, libs, version string) (build.Custom, error) {
	java, err := exec.CommandContext(ctx, build.Java(), "-version").CombinedOutput()
	if err != nil {
		return build.Custom{}, fmt.Errorf("reading Java's version: %w", err)
	}
	return build.Custom{
		Name: "example-kafka-archive-" + version, Title: "class archive of Kafka " + version, Cost: "about 10 seconds",
		Source: filepath.Join(example, "parts", "kafka"), Flags: []string{libs, string(java)},
		Make: func(ctx context.Context, _ build.Custom, project, result, log string) error {
			return writeArchive(ctx, project, libs, filepath.Join(result, archiveName), log)
		},
	}, nil
}

// writeArchive starts a node once: the JVM writes the archive at its end.
func writeArchive(ctx context.Context, dir, libs, file, log string) error {
	free, err := ports.Free(2)
	if err != nil {
		return err
	}
	properties := filepath.Join(dir, "server.properties")
	err = os.WriteFile(properties, fmt.Appendf(nil, `node.id=0
process.roles=broker,controller
controller.quorum.bootstrap.servers=%[2]s
listeners=BROKER://%[1]s,CONTROLLER://%[2]s
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
log.dirs=%[3]s/log
log.cleaner.dedupe.buffer.size=4194304
`, ports.Address(free[0]), ports.Address(free[1]), dir), 0o644)
	if err != nil {
		return err
	}
	logging := filepath.Join(dir, "log4j2.properties")
	if err := os.WriteFile(logging, []byte("rootLogger.level = INFO\nrootLogger.appenderRef.o.ref = o\nappender.o.type = Console\nappender.o.name = o\n"), 0o644); err != nil {
		return err
	}
	java := func(args ...string) process.Spec {
		return process.Spec{Name: "java", Path: build.Java(), Dir: dir, Log: log, Args: append([]string{
			"-Xmx200m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.configurationFile=" + logging, "-cp", filepath.Join(libs, "*"),
		}, args...)}
	}
	if err := process.Run(ctx, java("kafka.tools.StorageTool", "format", "--standalone", "--cluster-id", "example-kafka-archiveA", "--config", properties)); err != nil {
		return err
	}
	spec := java("kafka.Kafka", properties)
	spec.Args = append([]string{"-XX:ArchiveClassesAtExit=" + file}, spec.Args...)
	node, err := process.Start(ctx, spec)
	if err != nil {
		return err
	}
	starting, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = node.Await(starting, "Kafka", func(context.Context) error {
		if !strings.Contains(node.RecentLog(), "Kafka Server started") {
			return errors.New("not started")
		}
		return nil
	})
	node.Stop(time.Minute)
	if err != nil {
		return err
	}
	_, err = os.Stat(file)
	return err
}
