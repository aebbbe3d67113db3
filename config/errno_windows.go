package config

import "syscall"

// What sockets fail with: the WSA errors, which the constants of package
// syscall are not.
const (
	errInUse         syscall.Errno = 10048
	errNoSuchAddress syscall.Errno = 10049
	errRefused       syscall.Errno = 10061
)
