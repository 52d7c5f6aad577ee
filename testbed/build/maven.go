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
