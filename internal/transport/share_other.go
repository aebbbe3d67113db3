//go:build !unix

package transport

import "runtime"

func giveWay() { runtime.Gosched() }
