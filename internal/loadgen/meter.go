package loadgen

import "time"

// A snapshot is what had been done and used at one moment.
type snapshot struct {
	at         time.Time
	operations int64
	own        time.Duration // CPU time of this process, negative if unknown
	router     usage
}

// usage is what a process and its descendants have used.
type usage struct {
	cpu      time.Duration
	rss, pss int64 // octets
}

// A meter reads the usage of the router's processes; none if it has no pids.
type meter struct{ pids []int }

func (r *run) snapshot() (snapshot, error) {
	// What belongs together comes first: reading memory takes its time.
	s := snapshot{at: time.Now(), operations: r.operations(), own: ownCPU()}
	err := r.meter.readCPU(&s.router)
	if err == nil {
		err = r.meter.readMemory(&s.router)
	}
	return s, err
}
