package config

import (
	"context"
	"net"
	"syscall"
	"testing"
)

// Connections have the keep-alive that package net would have given them.
func TestKeepAlive(t *testing.T) {
	options := func(config *net.ListenConfig) (got [4]int) {
		ln, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		client, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		server, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		raw, err := server.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		err = raw.Control(func(fd uintptr) {
			for i, o := range [...][2]int{
				{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE},
				{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE},
				{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL},
				{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT},
			} {
				if got[i], err = syscall.GetsockoptInt(int(fd), o[0], o[1]); err != nil {
					t.Error(err)
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	ours, nets := options(listenConfig()), options(new(net.ListenConfig))
	if ours != nets || ours[0] == 0 {
		t.Errorf("keep-alive on, idle, interval and count are %v, want %v", ours, nets)
	}
}
