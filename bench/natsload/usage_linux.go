package natsload

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// usage is CPU time of a process and of this one, and memory of the former.
type usage struct {
	cpu, own time.Duration
	pss      int64
}

func readUsage(pid int) (usage, error) {
	var u usage
	var t unix.Timespec
	// The number of a process's clock is made as clock_getcpuclockid(3) does.
	if err := unix.ClockGettime(int32(^pid<<3|2), &t); err != nil {
		return u, fmt.Errorf("CPU time of process %d: %w", pid, err)
	}
	u.cpu = time.Duration(t.Nano())
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		return u, err
	}
	u.own = time.Duration(t.Nano())
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "Pss:" {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				return u, err
			}
			u.pss = kib * 1024
		}
	}
	return u, nil
}
