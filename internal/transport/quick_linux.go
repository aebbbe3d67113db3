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
	return quickly(unix.SYS_RECVFROM, fd, b, unix.MSG_DONTWAIT, unix.Read)
}

func write(fd int, b []byte) (int, error) {
	return quickly(unix.SYS_SENDTO, fd, b, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, unix.Write)
}

func quickly(call uintptr, fd int, b []byte, flags uintptr, ordinary func(int, []byte) (int, error)) (int, error) {
	if len(b) == 0 || len(b) > maxQuick {
		return ordinary(fd, b)
	}
	// The kernel keeps nothing of b when it returns.
	n, _, errno := syscall.RawSyscall6(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags, 0, 0)
	switch errno {
	case 0:
		return int(n), nil
	case unix.ENOTSOCK:
		return ordinary(fd, b)
	}
	return -1, errno
}
