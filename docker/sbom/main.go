// Command sbom writes a CycloneDX bill of materials for a Go program: the
// modules that its linker put into it, as the program itself tells.
//
//	sbom PROGRAM VERSION > program.cdx.json
package main

import (
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"runtime/debug"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: sbom PROGRAM VERSION > program.cdx.json")
		os.Exit(2)
	}
	if err := write(os.Stdout, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

// write writes the bill for a program, which is released in a version.
func write(w io.Writer, program, version string) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return err
	}
	self := cdx.Component{
		Type: cdx.ComponentTypeApplication, Name: path.Base(info.Path), Version: version,
		PackageURL: purl(info.Main.Path, version), BOMRef: purl(info.Main.Path, version),
	}
	components := []cdx.Component{{
		Type: cdx.ComponentTypeLibrary, Name: "std", Version: info.GoVersion,
		PackageURL: purl("std", strings.TrimPrefix(info.GoVersion, "go")), BOMRef: purl("std", strings.TrimPrefix(info.GoVersion, "go")),
	}}
	for _, module := range info.Deps {
		c, err := component(module, version)
		if err != nil {
			return err
		}
		components = append(components, c)
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Component: &self}
	bom.Components = &components
	// Not the newest version of the format: scanners lag behind.
	return cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6)
}

// component is a module. Those of this repository have the release's version
// and no checksum.
func component(module *debug.Module, version string) (cdx.Component, error) {
	c := cdx.Component{Type: cdx.ComponentTypeLibrary, Name: module.Path, Version: version}
	if ours := module.Replace != nil && strings.HasPrefix(module.Replace.Path, "."); !ours {
		if module.Replace != nil {
			module = module.Replace
		}
		// The checksum database's: SHA-256 over the sums of the module's files.
		sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(module.Sum, "h1:"))
		if err != nil {
			return c, fmt.Errorf("module %s has the checksum %q: %w", module.Path, module.Sum, err)
		}
		c.Name, c.Version = module.Path, module.Version
		c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum)}}
	}
	c.PackageURL = purl(c.Name, c.Version)
	c.BOMRef = c.PackageURL
	return c, nil
}

func purl(module, version string) string { return "pkg:golang/" + module + "@" + version }
