//go:build linux && (amd64 || arm64) && !race

package transport

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Reading and writing what a socket has, or takes, at once never waits, and is over
// in microseconds. An ordinary system call tells the runtime that it may wait, and
// after 20 µs the runtime has another thread go on in its place: that costs more than
// the call itself. These calls tell it nothing. So that they cannot wait, whatever
// was done to the socket, each says so; and what takes longer, since it copies much,
// goes the ordinary way.
//
// With the race detector everything goes the ordinary way, by which it learns what
// happens before what.

const quick = true

// maxQuick is the most that is copied so, in bytes.
const maxQuick = 64 << 10

func read(fd int, b []byte) (int, error) {
	if len(b) == 0 || len(b) > maxQuick {
		return unix.Read(fd, b)
	}
	// The kernel keeps nothing of b when it returns.
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT, 0, 0)
	switch errno {
	case 0:
		return int(n), nil
	case unix.ENOTSOCK:
		return unix.Read(fd, b)
	}
	return -1, errno
}

func write(fd int, b []byte) (int, error) {
	if len(b) == 0 || len(b) > maxQuick {
		return unix.Write(fd, b)
	}
	n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	switch errno {
	case 0:
		return int(n), nil
	case unix.ENOTSOCK:
		return unix.Write(fd, b)
	}
	return -1, errno
}
