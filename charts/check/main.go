// Command check makes those files below charts/ and k8s_resources/ that are
// made from others, and, as a test, checks the charts with the tools of their
// users. README.md says how.
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := update(); err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
}

func update() error {
	// The manifests are made from the copies, so those have to be in place.
	files := map[string][]byte{}
	if err := copies(files); err != nil {
		return err
	}
	if err := write(files); err != nil {
		return err
	}
	files, err := generate()
	if err != nil {
		return err
	}
	return write(files)
}
