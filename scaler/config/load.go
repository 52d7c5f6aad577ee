package config

import (
	"fmt"
	"os"
	"path/filepath"

	commoncfg "github.com/prometheus/common/config"
)

// Load reads a file. The error has a line for everything that is wrong, each
// starting with the file's name and the line's number.
func Load(path string) (Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration: %w", err)
	}
	c, err := Parse(path, text)
	if err != nil {
		return Config{}, err
	}
	c.setDirectory(filepath.Dir(path))
	return c, nil
}

// setDirectory makes the files that the options name relative to a folder.
func (c *Config) setDirectory(folder string) {
	set := func(p *Prometheus) {
		p.HTTP.SetDirectory(folder)
		if o := p.HTTP.OAuth2; o != nil { // which the library leaves out
			o.ClientCertificateKeyFile = commoncfg.JoinDir(folder, o.ClientCertificateKeyFile)
		}
	}
	set(&c.Prometheus)
	for _, t := range c.Targets {
		if t.Prometheus != nil {
			set(t.Prometheus)
		}
	}
}

// Parse reads the text of a file; name is for its errors.
func Parse(name string, text []byte) (Config, error) {
	c, doc := parse(text)
	if !doc.ok() {
		return Config{}, doc.err(name)
	}
	return c, nil
}

// parse reads the text of a file; the configuration is valid if the document
// is ok.
func parse(text []byte) (Config, *document) {
	var f file
	doc := newDocument()
	doc.decode(text, &f)
	var c Config
	if doc.ok() { // what could not be read cannot be checked
		c = f.compile(doc)
	}
	return c, doc
}
