// Command check makes the tables of docs/metrics.md from the products' golden
// files, which their own tests compare with what the programs export. Run it in
// its folder; make manifests does. Its tests hold the rest of the documentation
// to the repository: links lead somewhere, commands can be pasted, reference
// pages list what the programs have.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
}

func run() error {
	page := filepath.Join(top, "docs", "metrics.md")
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	now, err := withTables(string(old))
	if err != nil {
		return err
	}
	return os.WriteFile(page, []byte(now), 0o644)
}
