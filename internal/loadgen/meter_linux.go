package loadgen

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// manyLoopbacks says that all of 127.0.0.0/8 is this machine.
const manyLoopbacks = true

// newMeter finds the process and its descendants as they are now: a router may
// be a parent that controls workers. pid 0 means none.
func newMeter(pid int) (*meter, error) {
	if pid == 0 {
		return &meter{}, nil
	}
	m := &meter{pids: []int{pid}}
	for i := 0; i < len(m.pids); i++ {
		lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", m.pids[i]))
		for _, list := range lists {
			b, err := os.ReadFile(list)
			if err != nil {
				continue // a thread that has ended
			}
			for child := range strings.FieldsSeq(string(b)) {
				if n, err := strconv.Atoi(child); err == nil {
					m.pids = append(m.pids, n)
				}
			}
		}
	}
	var u usage
	if err := m.readCPU(&u); err != nil {
		return nil, err
	}
	return m, m.readMemory(&u)
}

func (m *meter) readCPU(sum *usage) error {
	for _, pid := range m.pids {
		// The clock of a process has nanoseconds where /proc/PID/stat has ticks
		// of 10 ms. Its number is made as clock_getcpuclockid(3) does.
		var t unix.Timespec
		if err := unix.ClockGettime(int32(^pid<<3|2), &t); err != nil {
			return fmt.Errorf("CPU time of process %d: %w", pid, err)
		}
		sum.cpu += time.Duration(t.Nano())
	}
	return nil
}

func (m *meter) readMemory(sum *usage) error {
	for _, pid := range m.pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return fmt.Errorf("memory of process %d: %w", pid, err)
		}
		for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
			switch f := strings.Fields(lines.Text()); f[0] {
			case "Rss:":
				sum.rss += kibibytes(f)
			case "Pss:":
				sum.pss += kibibytes(f)
			}
		}
	}
	return nil
}

// kibibytes reads a line such as "Pss: 1234 kB".
func kibibytes(fields []string) int64 {
	if len(fields) < 2 {
		return 0
	}
	n, _ := strconv.ParseInt(fields[1], 10, 64)
	return n * 1024
}

// ownCPU is the CPU time that this process has used.
func ownCPU() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t) != nil {
		return -1
	}
	return time.Duration(t.Nano())
}
