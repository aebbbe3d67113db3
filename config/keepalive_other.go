//go:build !linux

package config

import "net"

// listenConfig leaves TCP's keep-alive to package net.
func listenConfig() *net.ListenConfig { return new(net.ListenConfig) }
