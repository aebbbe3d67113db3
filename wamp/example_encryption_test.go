package wamp_test

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// A device and a doctor who know each other's public keys. The router between
// them learns who calls what, and nothing of what is said.
func ExampleKeyRing() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	rt := router.New(router.Config{Logger: slog.New(slog.DiscardHandler)})
	defer rt.Close()

	// Each end makes its key pair and gives away the public half.
	device, _ := ecdh.X25519().GenerateKey(rand.Reader)
	doctor, _ := ecdh.X25519().GenerateKey(rand.Reader)

	join := func(own *ecdh.PrivateKey, peer *ecdh.PublicKey) *wamp.Session {
		key, err := wamp.AgreedKey(wamp.XSalsa20Poly1305, own, peer)
		if err != nil {
			log.Fatal(err)
		}
		ring := new(wamp.KeyRing)
		if err := ring.Set("com.example.patient.{all...}", key); err != nil {
			log.Fatal(err)
		}
		s, err := (&wamp.Dialer{Router: rt, KeyRing: ring}).Dial(ctx)
		if err != nil {
			log.Fatal(err)
		}
		return s
	}

	// From here on there is nothing but ordinary calls.
	s := join(device, doctor.PublicKey())
	defer s.Close(ctx)
	_, err := s.Register(ctx, "com.example.patient.pulse", wamp.Func1(func(_ context.Context, patient string) (int, error) {
		return 72, nil
	}))
	if err != nil {
		log.Fatal(err)
	}
	caller := join(doctor, device.PublicKey())
	defer caller.Close(ctx)
	pulse, err := wamp.Call[int](ctx, caller, "com.example.patient.pulse", wamp.Args{"Ms. Smith"})
	fmt.Println(pulse, err)

	// Output: 72 <nil>
}
