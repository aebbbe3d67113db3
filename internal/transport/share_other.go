//go:build !unix

package transport

import "runtime"

func giveWay(uint64) { runtime.Gosched() }
