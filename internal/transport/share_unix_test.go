//go:build unix

package transport

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// TestGiveWay has a goroutine that never waits give way, and then looks whether one
// that waited for a socket has been heard. Once is enough, but for now and then when
// Go's scheduler takes who gave way first.
func TestGiveWay(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	giveWay(0) // opens what it needs
	for range 100 {
		a, b := connect(t, "unix") // what is written can be read at once
		var heard atomic.Bool
		var reader sync.WaitGroup
		reader.Go(func() {
			if _, err := a.Read(make([]byte, 1)); err == nil {
				heard.Store(true)
			}
		})
		for range 5 {
			giveWay(0) // and the reader waits
		}
		if _, err := b.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			giveWay(0)
		}
		if !heard.Load() {
			t.Error("the reader of a socket was not woken up")
		}
		a.Close()
		b.Close()
		reader.Wait()
	}
}
