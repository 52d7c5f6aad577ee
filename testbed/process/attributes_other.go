//go:build unix && !linux

package process

import "syscall"

// attributes cannot tie a child's life to this process's, which only Linux
// does: Stop, Kill and the end of the context end a child, but a SIGKILL of
// this process does not. Nor can it keep a child of root from being root.
func attributes(bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
