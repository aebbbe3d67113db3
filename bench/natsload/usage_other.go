//go:build !linux

package natsload

import (
	"errors"
	"runtime"
	"time"
)

type usage struct {
	cpu, own time.Duration
	pss      int64
}

func readUsage(int) (usage, error) {
	return usage{}, errors.New("the CPU time of another process can't be read on " + runtime.GOOS)
}
