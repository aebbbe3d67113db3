// Package interop tests Wampeter against programs that other people wrote: its
// router against their clients, its client against their routers.
//
// Everything here is test code behind the build tag interop, since it needs
// Python 3 and Node besides Go. "make test-interop" runs it. The foreign
// packages, at the versions pinned in python/*.txt and node/package-lock.json,
// are installed into .cache/interop at the top of the repository (or into
// $WAMPETER_CACHE/interop) and stay there until a pin changes. A tool that is
// missing fails the run by name; nothing is ever skipped.
//
// Each foreign client is a small program in python/ or node/ that obeys a line
// protocol (see python/peer.py), so that one list of steps drives every make,
// ours included, in all combinations of transport and serializer. What a make
// does differently from the rest is one line of the table in makes_test.go.
//
// steps_test.go is the basic profile, in every combination; features_test.go the
// advanced one, in which every make takes every part that it can at our router.
// A run in which a combination or a part did not take place fails.
package interop
