package process

import (
	"os"
	"syscall"
)

// nobody is a user that every system has; PostgreSQL wants to know its user's
// name.
const nobody = 65534

// attributes makes the kernel kill the child when this process dies, and, if
// wanted, keeps it from being root.
//
// A child of root that is to be another user gets a user namespace in which
// root's files are that user's. Only changing the user id would leave it unable
// to reach its program in root's cache and its data in a folder of root's.
func attributes(unprivileged bool) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if unprivileged && os.Geteuid() == 0 {
		a.Cloneflags = syscall.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: 0, Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: 0, Size: 1}}
	}
	return a
}
