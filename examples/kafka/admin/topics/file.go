// Package topics brings a cluster's topics, their replicas and its metadata.version
// to what a file says.
package topics

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// File says what a cluster should have.
type File struct {
	// Brokers that have to be there before anything is done.
	Brokers int `yaml:"brokers"`
	// MetadataVersion is the level to finish an upgrade with, when all brokers
	// support it; 0 leaves it as it is.
	MetadataVersion int16   `yaml:"metadata_version"`
	Topics          []Topic `yaml:"topics"`
}

// Topic is one of the topics. Topics that are not named are left alone.
type Topic struct {
	Name        string            `yaml:"name"`
	Partitions  int               `yaml:"partitions"`
	Replication int               `yaml:"replication"`
	Config      map[string]string `yaml:"config"`
}

// Read reads and checks a file.
func Read(path string) (File, error) {
	f, err := os.Open(path)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	var file File
	d := yaml.NewDecoder(f)
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil {
		return File{}, fmt.Errorf("%s: %w", path, err)
	}
	if err := file.check(); err != nil {
		return File{}, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

func (f File) check() error {
	if f.Brokers < 1 {
		return errors.New("brokers has to be 1 or more")
	}
	seen := map[string]bool{}
	for _, t := range f.Topics {
		switch {
		case t.Name == "":
			return errors.New("a topic has no name")
		case seen[t.Name]:
			return fmt.Errorf("topic %s is there twice", t.Name)
		case t.Partitions < 1:
			return fmt.Errorf("topic %s: partitions has to be 1 or more", t.Name)
		case t.Replication < 1 || t.Replication > f.Brokers:
			return fmt.Errorf("topic %s: replication has to be from 1 to the number of brokers, %d", t.Name, f.Brokers)
		}
		seen[t.Name] = true
	}
	return nil
}

// Addresses splits a list of host:port at commas.
func Addresses(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}
