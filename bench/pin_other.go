//go:build !linux

package main

import (
	"errors"
	"runtime"
)

func pin([]string) error {
	return errors.New("pinning a process to a core, as all measurements need, is not possible on " + runtime.GOOS)
}
