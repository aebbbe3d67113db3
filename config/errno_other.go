//go:build !windows

package config

import "syscall"

// What sockets fail with.
const (
	errInUse         = syscall.EADDRINUSE
	errNoSuchAddress = syscall.EADDRNOTAVAIL
	errRefused       = syscall.ECONNREFUSED
)
