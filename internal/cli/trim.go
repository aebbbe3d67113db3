package cli

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// gcPercent is GOGC of a router. Messages leave next to no garbage, so that the
// collector has little to do at any setting. What clients leave when they connect
// would stay longest, and there can be many of them.
const gcPercent = 50

// A burst of sessions leaves memory behind that the runtime keeps for the next
// one: up to a quarter of what 10,000 idle sessions need. Every trimInterval a router
// looks whether that is worth to be given back, and whether nobody needs it now.
const (
	trimInterval = time.Second
	trimQuiet    = 1 << 20 // bytes allocated in an interval up to which it was quiet
	trimLeast    = 4 << 20 // bytes that are worth it
	trimShare    = 16      // they are at least this part of all memory
)

// trim gives memory back to the operating system after bursts, until ctx ends. It
// does nothing when the user has set GOGC: then the collector is his business.
func (p *process) trim(ctx context.Context) {
	if p.getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(gcPercent)
	tick := time.NewTicker(trimInterval)
	defer tick.Stop()
	last := readMemory()
	for {
		select {
		case <-tick.C:
			now := readMemory()
			if worthTrimming(last, now) {
				debug.FreeOSMemory()
			}
			last = now
		case <-ctx.Done():
			return
		}
	}
}

// memory is what the runtime says about its own, in bytes.
type memory struct {
	allocated uint64 // ever
	objects   uint64 // on the heap, garbage among them
	live      uint64 // on the heap, when the collector looked last
	free      uint64 // not used and not given back
	mapped    uint64 // all that has not been given back
}

func readMemory() memory {
	samples := [...]metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(samples[:])
	of := func(i int) uint64 {
		if samples[i].Value.Kind() != metrics.KindUint64 {
			return 0 // not known to this version of Go
		}
		return samples[i].Value.Uint64()
	}
	return memory{allocated: of(0), objects: of(1), live: of(2), free: of(3), mapped: of(4) - of(5)}
}

// worthTrimming reports whether it was quiet since last, and much lies idle now.
func worthTrimming(last, now memory) bool {
	idle := now.free + now.objects - min(now.live, now.objects)
	return now.allocated-last.allocated <= trimQuiet && idle >= trimLeast && idle >= now.mapped/trimShare
}
