package auth

import (
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// TicketCost is how a ticket is hashed for storage.
type TicketCost struct {
	Memory     uint32 // KiB
	Iterations uint32
	Threads    uint8
}

// DefaultTicketCost is what OWASP recommends for Argon2id: some 20 ms.
var DefaultTicketCost = TicketCost{Memory: 19 << 10, Iterations: 2, Threads: 1}

const argonPrefix = "$argon2id$"

// HashTicket returns a ticket in the form in which it may be stored: its
// Argon2id hash as a PHC string, "$argon2id$v=19$m=19456,t=2,p=1$salt$hash".
func HashTicket(ticket string, cost TicketCost) string {
	salt := Random(16)
	hash := argon2.IDKey([]byte(ticket), salt, cost.Iterations, cost.Memory, cost.Threads, 32)
	return fmt.Sprintf("%sv=%d$m=%d,t=%d,p=%d$%s$%s", argonPrefix, argon2.Version, cost.Memory, cost.Iterations, cost.Threads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(hash))
}

// StoredTicket is a ticket as a router keeps it: hashed, or as it is.
type StoredTicket struct {
	plain string
	cost  TicketCost
	salt  []byte
	hash  []byte
}

// ParseTicket reads a stored ticket: what HashTicket returns, or else the
// ticket itself, which is for development.
func ParseTicket(stored string) (StoredTicket, error) {
	if stored == "" {
		return StoredTicket{}, fmt.Errorf("the ticket is empty")
	}
	if !strings.HasPrefix(stored, "$argon2") {
		return StoredTicket{plain: stored}, nil
	}
	t, err := parsePHC(stored)
	if err != nil {
		return StoredTicket{}, fmt.Errorf("hashed ticket: %w", err)
	}
	return t, nil
}

func parsePHC(stored string) (t StoredTicket, err error) {
	rest, ok := strings.CutPrefix(stored, argonPrefix)
	parts := strings.Split(rest, "$")
	if !ok || len(parts) != 4 {
		return t, fmt.Errorf("it has to have the form %sv=19$m=…,t=…,p=…$salt$hash", argonPrefix)
	}
	if parts[0] != fmt.Sprintf("v=%d", argon2.Version) {
		return t, fmt.Errorf("version %q: there is v=%d", parts[0], argon2.Version)
	}
	var m, n, p uint32
	if k, err := fmt.Sscanf(parts[1], "m=%d,t=%d,p=%d", &m, &n, &p); err != nil || k != 3 || parts[1] != fmt.Sprintf("m=%d,t=%d,p=%d", m, n, p) {
		return t, fmt.Errorf("parameters %q: they have the form m=19456,t=2,p=1", parts[1])
	}
	switch {
	case m < 8 || m > maxMemory, n < 1 || n > maxArgonWork/m, p < 1 || p > 64:
		return t, fmt.Errorf("parameters %q are beyond what is computed here", parts[1])
	}
	t.cost = TicketCost{Memory: m, Iterations: n, Threads: uint8(p)}
	if t.salt, err = base64.RawStdEncoding.DecodeString(parts[2]); err != nil || len(t.salt) < 8 || len(t.salt) > 64 {
		return t, fmt.Errorf("the salt is not 8 to 64 bytes in base64 without padding")
	}
	if t.hash, err = base64.RawStdEncoding.DecodeString(parts[3]); err != nil || len(t.hash) < 16 || len(t.hash) > 64 {
		return t, fmt.Errorf("the hash is not 16 to 64 bytes in base64 without padding")
	}
	return t, nil
}

// Hashed reports whether the ticket is kept hashed, so that Verify takes time
// and memory.
func (t *StoredTicket) Hashed() bool { return t.hash != nil }

// Verify checks a ticket. Errors wrap ErrDenied.
func (t *StoredTicket) Verify(ticket string) error {
	ok := false
	if t.hash != nil {
		ok = Equal(argon2.IDKey([]byte(ticket), t.salt, t.cost.Iterations, t.cost.Memory, t.cost.Threads, uint32(len(t.hash))), t.hash)
	} else {
		ok = t.plain != "" && Equal([]byte(ticket), []byte(t.plain))
	}
	if !ok {
		return denied("ticket: it is a wrong one")
	}
	return nil
}

// FakeTicket returns a ticket that nobody has, as costly to check as t.
func (t *StoredTicket) FakeTicket() StoredTicket {
	if t.hash == nil {
		return StoredTicket{plain: NewNonce()}
	}
	return StoredTicket{cost: t.cost, salt: Random(len(t.salt)), hash: Random(len(t.hash))}
}
