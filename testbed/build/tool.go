package build

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// Tool returns the path of a program that only checks and builds need, such as
// helm. tools/NAME pins its version; it is built if it is missing.
func Tool(ctx context.Context, name string) (string, error) {
	source, err := Checkout()
	if err != nil {
		return "", err
	}
	cache, err := cacheFolder()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("creating the cache folder: %w", err)
	}
	recipe := recipe{title: name, cost: "about a minute", make: goBuild("tool")}
	j, err := newJob(filepath.Join(source, "tools", name), cache, Part("tool-"+name), recipe, os.Stderr)
	if err != nil {
		return "", err
	}
	if !exists(j.folder) {
		if err := j.run(ctx); err != nil {
			return "", err
		}
	}
	programs, err := os.ReadDir(j.folder)
	if err != nil {
		return "", err
	}
	if len(programs) != 1 {
		return "", fmt.Errorf("tools/%s has to build one program, not %d", name, len(programs))
	}
	return filepath.Join(j.folder, programs[0].Name()), nil
}
