// Package wamp is a client for WAMP routers.
package wamp
