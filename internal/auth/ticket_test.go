package auth

import (
	"errors"
	"strings"
	"testing"
)

func TestTickets(t *testing.T) {
	cost := TicketCost{Memory: 64, Iterations: 1, Threads: 1}
	hash := HashTicket("open sesame", cost)
	if strings.Contains(hash, "sesame") || hash == HashTicket("open sesame", cost) {
		t.Errorf("hash %s", hash)
	}
	for _, stored := range []string{hash, "open sesame"} {
		ticket, err := ParseTicket(stored)
		if err != nil {
			t.Fatal(err)
		}
		if err := ticket.Verify("open sesame"); err != nil {
			t.Error(err)
		}
		fake := ticket.FakeTicket()
		if fake.Hashed() != ticket.Hashed() || fake.cost != ticket.cost {
			t.Error("a ticket that nobody has costs something else to check")
		}
		for _, wrong := range []string{"", "open", "open sesame ", stored + "x"} {
			if err := ticket.Verify(wrong); !errors.Is(err, ErrDenied) {
				t.Errorf("%q: %v", wrong, err)
			}
			if err := fake.Verify(wrong); !errors.Is(err, ErrDenied) {
				t.Errorf("fake, %q: %v", wrong, err)
			}
		}
	}
	if err := new(StoredTicket).Verify(""); !errors.Is(err, ErrDenied) {
		t.Errorf("no ticket: %v", err)
	}
	if ticket, _ := ParseTicket(hash); ticket.Verify(hash) == nil {
		t.Error("the hash itself opens")
	}
}

func TestTicketsRefused(t *testing.T) {
	good := HashTicket("x", TicketCost{Memory: 64, Iterations: 1, Threads: 1})
	for _, bad := range []string{
		"", "$argon2i$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAA",
		strings.Replace(good, "v=19", "v=16", 1), strings.Replace(good, "m=64", "m=4294967295", 1),
		strings.Replace(good, "t=1", "t=0", 1), strings.Replace(good, "p=1", "p=0", 1), strings.Replace(good, "p=1", "p=300", 1),
		strings.Replace(good, "m=64", " m=64", 1), good[:len(good)-40], good + "=", good + "$x",
	} {
		if _, err := ParseTicket(bad); err == nil {
			t.Errorf("%q: accepted", bad)
		}
	}
}
