package build

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// mavenBuild runs the part's pom and keeps some of what it leaves in target/.
func mavenBuild(keep ...string) func(context.Context, *job) error {
	return func(ctx context.Context, j *job) error {
		target, err := mavenPackage(ctx, j)
		if err != nil {
			return err
		}
		for _, name := range keep {
			if err := os.Rename(filepath.Join(target, name), filepath.Join(j.result, name)); err != nil {
				return err
			}
		}
		return nil
	}
}

// makeBoot unpacks the Spring Boot program that the pom makes, and archives the
// classes that it loads when it starts, so that an engine is there after half the
// computing. The archive has relative paths, so it is used from a folder with all
// of it. Another JVM than the one that made it does without.
func makeBoot(ctx context.Context, j *job) error {
	target, err := mavenPackage(ctx, j)
	if err != nil {
		return err
	}
	java := func(what, dir string, args ...string) error {
		return process.Run(ctx, process.Spec{Name: what, Path: Java(), Args: args, Dir: dir, Log: j.log})
	}
	program := filepath.Join(j.work, "program")
	if err := java("unpacking the program", j.work, "-Djarmode=tools", "-jar", filepath.Join(target, "engine.jar"), "extract", "--destination", program); err != nil {
		return err
	}
	err = java("archiving its classes", program,
		"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:ArchiveClassesAtExit=engine.jsa", "-Dspring.context.exit=onRefresh",
		"-jar", "engine.jar", "--spring.datasource.url=jdbc:h2:mem:camunda;DB_CLOSE_DELAY=-1", "--spring.datasource.username=sa", "--spring.datasource.password=sa")
	if err != nil {
		return err
	}
	if err := os.Remove(j.result); err != nil {
		return err
	}
	return os.Rename(program, j.result)
}

// mavenPackage runs `mvn package` on a copy of the part, so that nothing is
// written to the checkout, and returns the copy's target folder.
func mavenPackage(ctx context.Context, j *job) (target string, err error) {
	project, err := copyProject(j)
	if err != nil {
		return "", err
	}
	args := append([]string{"--batch-mode", "--no-transfer-progress", "package"}, j.recipe.flags...)
	err = process.Run(ctx, process.Spec{
		Name: "mvn package", Path: "mvn", Args: args, Dir: project, Log: j.log,
	})
	return filepath.Join(project, "target"), err
}

// copyProject copies a part, so that nothing is written to the checkout.
func copyProject(j *job) (string, error) {
	project := filepath.Join(j.work, "project")
	if err := os.CopyFS(project, os.DirFS(j.source)); err != nil {
		return "", fmt.Errorf("copying the part: %w", err)
	}
	return project, nil
}

// makePostgres unpacks the bundle that the pom fetches.
func makePostgres(ctx context.Context, j *job) error {
	target, err := mavenPackage(ctx, j)
	if err != nil {
		return err
	}
	bundles, err := filepath.Glob(filepath.Join(target, "bundle", "*.txz"))
	if err != nil || len(bundles) != 1 {
		return fmt.Errorf("the bundle for %s holds %d archives instead of one", platform(), len(bundles))
	}
	return unpack(bundles[0], j.result)
}
