package config

import (
	"net"
	"syscall"
)

// What net sets by itself on each connection that it accepts.
const (
	keepAliveIdle     = 15 // seconds of silence before the first probe
	keepAliveInterval = 15 // seconds between probes
	keepAliveCount    = 9  // probes without an answer
)

// listenConfig asks for TCP's keep-alive once, for the listening socket, which
// hands it down to the connections. Package net would ask for it by four system
// calls for each of them, a fortieth of what it costs to open a session.
func listenConfig() *net.ListenConfig {
	return &net.ListenConfig{
		KeepAlive: -1,
		Control: func(network, _ string, raw syscall.RawConn) error {
			if network == "unix" {
				return nil
			}
			var err error
			set := func(fd uintptr) {
				for _, o := range [...]struct{ level, name, value int }{
					{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
					{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, keepAliveIdle},
					{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, keepAliveInterval},
					{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, keepAliveCount},
				} {
					if err == nil {
						err = syscall.SetsockoptInt(int(fd), o.level, o.name, o.value)
					}
				}
			}
			if controlErr := raw.Control(set); controlErr != nil {
				return controlErr
			}
			return err
		},
	}
}
