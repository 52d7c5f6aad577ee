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
	files, err := generate()
	if err != nil {
		return err
	}
	return write(files)
}
