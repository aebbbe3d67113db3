//go:build unix && !(linux && (amd64 || arm64) && !race)

package transport

import "golang.org/x/sys/unix"

const (
	quick    = false
	maxQuick = 0
)

func read(fd int, b []byte) (int, error)  { return unix.Read(fd, b) }
func write(fd int, b []byte) (int, error) { return unix.Write(fd, b) }
