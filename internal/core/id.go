package core

import "github.com/wampeter/wampeter/internal/msg"

// Kinds of objects that have an ID of router scope.
const (
	kindSubscription = 's'
	kindRegistration = 'r'
)

// toID makes an ID, 1 to 2^53, of 64 random bits.
func toID(random uint64) uint64 { return random>>11 + 1 }

// objectID returns the ID of the subscription or registration of uri. It
// follows from the key alone, so that the nodes of a cluster agree on it;
// where two objects would have the same, the later one takes the next number
// that is free.
func objectID(key *[16]byte, kind byte, match msg.Match, uri string, taken func(uint64) bool) uint64 {
	data := append(make([]byte, 0, 128), kind, byte(match))
	id := toID(siphash(key, append(data, uri...)))
	for taken(id) {
		id = id%msg.MaxID + 1
	}
	return id
}
