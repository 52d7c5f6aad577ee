package build

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Checkout returns the folder of the project's source that holds the working
// directory, since that is where demo and tests are run.
func Checkout() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("looking for the project's source: %w", err)
	}
	for folder := start; ; folder = filepath.Dir(folder) {
		if info, err := os.Stat(filepath.Join(folder, "testbed", "parts")); err == nil && info.IsDir() {
			return folder, nil
		}
		if folder == filepath.Dir(folder) {
			return "", fmt.Errorf("no folder above %s holds the project's source (testbed/parts): run this inside the checkout", start)
		}
	}
}

// cacheFolder returns where built parts are kept.
func cacheFolder() (string, error) {
	if folder := os.Getenv("CAMUNDA_AUTOSCALER_CACHE"); folder != "" {
		return filepath.Abs(folder)
	}
	folder, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("looking for the cache folder (CAMUNDA_AUTOSCALER_CACHE sets one): %w", err)
	}
	return filepath.Join(folder, "camunda-autoscaler"), nil
}

// key is a hash of a part's files and of what else its result depends on.
func key(source string, also ...string) (string, error) {
	h := sha256.New()
	for _, s := range also {
		fmt.Fprintf(h, "%q\n", s)
	}
	err := filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%q %q\n", filepath.ToSlash(name), text)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("hashing %s: %w", source, err)
	}
	return hex.EncodeToString(h.Sum(nil))[:12], nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
