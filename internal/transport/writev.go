//go:build linux || darwin || openbsd

package transport

import "golang.org/x/sys/unix"

// maxIovecs is the number of buffers that one system call takes everywhere.
const maxIovecs = 1024

func writev(fd int, bufs [][]byte) (int, error) {
	if len(bufs) == 1 {
		return write(fd, bufs[0])
	}
	return unix.Writev(fd, bufs[:min(len(bufs), maxIovecs)])
}
