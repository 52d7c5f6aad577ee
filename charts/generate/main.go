// Command generate writes those files below charts/, dashboards/ and k8s_resources/ that are made from others: make
// manifests.
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := update(); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// update runs the steps in their order: each reads what the ones before have written.
func update() error {
	for _, step := range steps {
		files, err := step()
		if err != nil {
			return err
		}
		if err := write(files); err != nil {
			return err
		}
	}
	return nil
}
