// Package scratch gives the demo a folder of its own, which is gone when the
// demo has ended, however it ended.
package scratch

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	prefix   = "camunda-demo-"
	lockName = "lock"
)

// Folder is a temporary folder. While it is in use its lock is held, by the
// kernel, so that a folder of a process that was killed can be told.
type Folder struct {
	Path string
	lock *os.File
}

// New makes a folder in parent, os.TempDir() if that is "", and removes those
// that killed processes have left there.
func New(parent string) (*Folder, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	sweep(parent)
	path, err := os.MkdirTemp(parent, prefix)
	if err != nil {
		return nil, fmt.Errorf("make a scratch folder: %w", err)
	}
	lock, err := os.Create(filepath.Join(path, lockName))
	if err != nil {
		return nil, fmt.Errorf("make a scratch folder: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, fmt.Errorf("lock the scratch folder: %w", err)
	}
	return &Folder{Path: path, lock: lock}, nil
}

// Remove removes the folder.
func (f *Folder) Remove() error {
	defer f.lock.Close()
	return os.RemoveAll(f.Path)
}

// KeepLogs copies all logs to another folder, which is never swept, and
// returns its path.
func (f *Folder) KeepLogs() (string, error) {
	kept, err := os.MkdirTemp(filepath.Dir(f.Path), "camunda-logs-of-demo-")
	if err != nil {
		return "", fmt.Errorf("keep the logs: %w", err)
	}
	err = filepath.WalkDir(f.Path, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".log" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(kept, filepath.Base(path)), text, 0o644)
	})
	if err != nil {
		return "", fmt.Errorf("keep the logs: %w", err)
	}
	return kept, nil
}

// sweep removes folders that are not in use. What cannot be removed, such as
// another user's, stays.
func sweep(parent string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), prefix) {
			removeUnused(filepath.Join(parent, e.Name()))
		}
	}
}

func removeUnused(path string) {
	lock, err := os.Open(filepath.Join(path, lockName))
	if err != nil {
		return // another one is just being made
	}
	defer lock.Close()
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		_ = os.RemoveAll(path)
	}
}
