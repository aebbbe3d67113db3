//go:build unix

package transport

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"
)

// Calls that tell the runtime nothing behave as ordinary ones do. They must not
// wait: not even if somebody has made the socket one that does, which is so here.
func TestQuick(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	a, b := fds[0], fds[1]
	defer unix.Close(a)
	buf := make([]byte, 100)
	if quick {
		if n, err := read(a, buf); err != unix.EAGAIN {
			t.Error("nothing to read:", n, err)
		}
	}
	if n, err := write(b, []byte("abc")); n != 3 || err != nil {
		t.Error(n, err)
	}
	if n, err := read(a, buf[:2]); err != nil || string(buf[:n]) != "ab" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	if n, err := read(a, buf); err != nil || string(buf[:n]) != "c" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	if n, err := write(b, nil); n != 0 || err != nil {
		t.Error("nothing to write:", n, err)
	}
	if n, err := read(a, nil); n != 0 || err != nil {
		t.Error("no room:", n, err)
	}
	if quick {
		size := maxQuick // full at some time
		for size == maxQuick && err == nil {
			size, err = write(b, make([]byte, maxQuick))
		}
		for err == nil {
			_, err = write(b, []byte{1})
		}
		if err != unix.EAGAIN {
			t.Error("no room in the socket:", err)
		}
		for err = nil; err == nil; {
			_, err = read(a, make([]byte, maxQuick))
		}
		if err != unix.EAGAIN {
			t.Error(err)
		}
	}
	if err := unix.Close(b); err != nil {
		t.Fatal(err)
	}
	if n, err := read(a, buf); n != 0 || err != nil {
		t.Error("end of the stream:", n, err)
	}
	if n, err := write(a, []byte("x")); err != unix.EPIPE {
		t.Error("the other end is closed:", n, err)
	}
	if n, err := read(-1, buf); err != unix.EBADF {
		t.Error("no file:", n, err)
	}

	if err := unix.Pipe(fds[:]); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	if n, err := write(fds[1], []byte("pipe")); n != 4 || err != nil {
		t.Error("no socket:", n, err)
	}
	if n, err := read(fds[0], buf); err != nil || !bytes.Equal(buf[:n], []byte("pipe")) {
		t.Errorf("no socket: %q, %v", buf[:n], err)
	}
}
