package router

import (
	"testing"

	"github.com/wampeter/wampeter/internal/auth"
)

// TestNobodyIsAsCostly has secrets of somebody unknown be checked by the same work
// as those of somebody known: whatever a table holds, and whatever a source has
// answered before.
func TestNobodyIsAsCostly(t *testing.T) {
	hashed := Principal{AuthID: "alice", Role: "user", Ticket: auth.HashTicket("x", auth.TicketCost{Memory: 8, Iterations: 1, Threads: 1})}
	table, err := NewTable(hashed)
	if err != nil {
		t.Fatal(err)
	}
	a := Ticket(table).(*ticket)
	for _, name := range []string{"nobody", "somebody", ""} {
		if fake := a.fake(table, name); !fake.Hashed() {
			t.Errorf("a ticket of %q is compared without hashing it", name)
		}
	}
	asked := Ticket(Lookup(nil)).(*ticket)
	if fake := asked.fake(nil, "nobody"); fake.Hashed() {
		t.Error("before anything is known, the ticket of nobody is hashed")
	}
	s, err := hashed.read()
	if err != nil {
		t.Fatal(err)
	}
	asked.last.Store(s.ticket)
	if fake := asked.fake(nil, "nobody"); !fake.Hashed() {
		t.Error("a source answers with hashes, and a ticket of nobody is compared without one")
	}
}
