package cli

import (
	"runtime"
	"testing"
)

func TestWorthTrimming(t *testing.T) {
	const mb = 1 << 20
	for _, tt := range []struct {
		name string
		last memory
		now  memory
		want bool
	}{
		{"nothing lies idle", memory{allocated: 100 * mb}, memory{allocated: 100 * mb, objects: 30 * mb, live: 30 * mb, mapped: 80 * mb}, false},
		{"free memory", memory{allocated: 100 * mb}, memory{allocated: 100 * mb, objects: 30 * mb, live: 30 * mb, free: 20 * mb, mapped: 90 * mb}, true},
		{"garbage", memory{allocated: 100 * mb}, memory{allocated: 101 * mb, objects: 50 * mb, live: 30 * mb, mapped: 90 * mb}, true},
		{"not quiet", memory{allocated: 100 * mb}, memory{allocated: 102 * mb, objects: 50 * mb, live: 30 * mb, mapped: 90 * mb}, false},
		{"a small part", memory{}, memory{objects: 900 * mb, live: 890 * mb, mapped: 2000 * mb}, false},
		{"not worth it", memory{}, memory{objects: 7 * mb, live: 4 * mb, mapped: 12 * mb}, false},
		{"live counts what has been freed since", memory{}, memory{objects: 2 * mb, live: 30 * mb, mapped: 40 * mb}, false},
	} {
		if got := worthTrimming(tt.last, tt.now); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestReadMemory(t *testing.T) {
	runtime.GC()
	before := readMemory()
	keep := make([]byte, 4<<20)
	after := readMemory()
	runtime.KeepAlive(keep)
	if before.live == 0 || before.mapped == 0 || before.objects == 0 || after.allocated-before.allocated < 4<<20 {
		t.Errorf("before %+v, after 4 MiB more %+v", before, after)
	}
}
