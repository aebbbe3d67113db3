package core

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
)

func testRealm(cfg Config) *Realm {
	cfg.Now = time.Now
	cfg.Rand = rand.New(rand.NewPCG(1, 2)).Uint64
	return New(cfg)
}

func testSession(r *Realm, id uint64, out *Out) *Session {
	s := &Session{ID: id, AuthID: fmt.Sprint("user", id), AuthRole: "guest"}
	for i := range s.Roles.Features {
		s.Roles.Features[i] = ^msg.Feature(0)
	}
	r.Join(s, out)
	out.Reset()
	return s
}

func must(tb testing.TB, err error) {
	if err != nil {
		tb.Helper()
		tb.Fatal(err)
	}
}

var payload = msg.Payload{Format: msg.JSON, Args: []byte(`["payload"]`), Tail: []byte(`["payload"]`)}

// rpc is a caller and a callee.
type rpc struct {
	tb      testing.TB
	realm   *Realm
	out     Out
	caller  *Session
	callees []*Session
	call    msg.Message
	yield   msg.Message
}

func newRPC(tb testing.TB, options msg.Options, callees int) *rpc {
	p := &rpc{tb: tb, realm: testRealm(Config{})}
	p.caller = testSession(p.realm, 1, &p.out)
	for i := range callees {
		s := testSession(p.realm, uint64(i+2), &p.out)
		must(tb, p.realm.Register(s, &msg.Message{Type: msg.Register, Request: 1, Options: options, URI: []byte("com.myapp.procedure")}, &p.out))
		p.callees = append(p.callees, s)
	}
	p.out.Reset()
	p.call = msg.Message{Type: msg.Call, URI: []byte("com.myapp.procedure"), Payload: payload}
	p.yield = msg.Message{Type: msg.Yield, Payload: payload}
	return p
}

// begin sends a CALL and returns who is to answer it, and under which id.
func (p *rpc) begin() (*Session, uint64) {
	p.call.Request++
	must(p.tb, p.realm.Call(p.caller, &p.call, &p.out))
	e := &p.out.Effects[0]
	s, id := e.To, e.Msg.Request
	if e.Msg.Type != msg.Invocation {
		p.tb.Fatalf("got %v", e.Msg.Type)
	}
	p.out.Reset()
	return s, id
}

func (p *rpc) answer(s *Session, id uint64) {
	p.yield.Request = id
	must(p.tb, p.realm.Yield(s, &p.yield, &p.out))
	if p.out.Effects[0].Msg.Type != msg.Result {
		p.tb.Fatalf("got %v", p.out.Effects[0].Msg.Type)
	}
	p.out.Reset()
}

func (p *rpc) pair() { p.answer(p.begin()) }

// window is a number of calls that are under way.
func (p *rpc) window(n int) {
	pending := make([]struct {
		s  *Session
		id uint64
	}, n)
	for i := range pending {
		pending[i].s, pending[i].id = p.begin()
	}
	for _, c := range pending {
		p.answer(c.s, c.id)
	}
}

// pubsub is a publisher and the subscribers of a topic.
type pubsub struct {
	tb        testing.TB
	realm     *Realm
	out       Out
	publisher *Session
	publish   msg.Message
	receivers int
}

func newPubSub(tb testing.TB, policy msg.Match, topic string, receivers int) *pubsub {
	p := &pubsub{tb: tb, realm: testRealm(Config{}), receivers: receivers}
	p.publisher = testSession(p.realm, 1, &p.out)
	for i := range receivers {
		s := testSession(p.realm, uint64(i+2), &p.out)
		must(tb, p.realm.Subscribe(s, &msg.Message{Type: msg.Subscribe, Request: 1, Options: msg.Options{Match: policy}, URI: []byte(topic)}, &p.out))
	}
	p.out.Reset()
	p.publish = msg.Message{Type: msg.Publish, URI: []byte("com.myapp.topic"), Payload: payload}
	return p
}

func (p *pubsub) event() {
	p.publish.Request++
	must(p.tb, p.realm.Publish(p.publisher, &p.publish, &p.out))
	if n := len(p.out.Effects[0].Receivers); n != p.receivers {
		p.tb.Fatalf("%d receivers", n)
	}
	p.out.Reset()
}

func TestNoAllocation(t *testing.T) {
	progress := newRPC(t, msg.Options{}, 1)
	progress.call.Options.SetBool(msg.ReceiveProgress, true)
	subscribed := newPubSub(t, msg.Exact, "com.myapp.topic", 10)
	must(t, subscribed.realm.Subscribe(subscribed.publisher, &msg.Message{Request: 1, URI: []byte("com.myapp.topic")}, &subscribed.out))
	subscribed.out.Reset()
	acknowledged := newPubSub(t, msg.Exact, "com.myapp.topic", 1)
	acknowledged.publish.Options.SetBool(msg.Acknowledge, true)
	canceled := newRPC(t, msg.Options{}, 1)
	for name, f := range map[string]func(){
		"call":           newRPC(t, msg.Options{}, 1).pair,
		"prefix call":    newRPC(t, msg.Options{Match: msg.Prefix}, 1).pair,
		"shared call":    newRPC(t, msg.Options{Invoke: msg.RoundRobin}, 3).pair,
		"call, progress": progress.pair,
		"call, cancel": func() {
			s, id := canceled.begin()
			must(t, canceled.realm.Cancel(canceled.caller, &msg.Message{Type: msg.Cancel, Request: canceled.call.Request}, &canceled.out))
			canceled.out.Reset()
			must(t, canceled.realm.Yield(s, &msg.Message{Type: msg.Yield, Request: id}, &canceled.out))
		},
		"publish":                 newPubSub(t, msg.Exact, "com.myapp.topic", 10).event,
		"publish to a prefix":     newPubSub(t, msg.Prefix, "com.", 10).event,
		"publish to a wildcard":   newPubSub(t, msg.Wildcard, "com..topic", 10).event,
		"publish, acknowledged":   acknowledged.event,
		"publish by a subscriber": subscribed.event,
		"100 calls under way":     newRPC(t, msg.Options{}, 1).hundred(),
	} {
		f() // what grows has grown
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func (p *rpc) hundred() func() {
	var pending [100]struct {
		s  *Session
		id uint64
	}
	return func() {
		for i := range pending {
			pending[i].s, pending[i].id = p.begin()
		}
		for _, c := range pending {
			p.answer(c.s, c.id)
		}
	}
}

func BenchmarkCallYield(b *testing.B) {
	for _, bench := range []struct {
		name    string
		options msg.Options
		callees int
		window  int
	}{
		{"exact", msg.Options{}, 1, 1},
		{"exact, 64 under way", msg.Options{}, 1, 64},
		{"prefix", msg.Options{Match: msg.Prefix}, 1, 1},
		{"roundrobin of 10", msg.Options{Invoke: msg.RoundRobin}, 10, 1},
	} {
		b.Run(bench.name, func(b *testing.B) {
			p := newRPC(b, bench.options, bench.callees)
			b.ReportAllocs()
			for i := 0; i < b.N; i += bench.window {
				if bench.window == 1 {
					p.pair()
				} else {
					p.window(bench.window)
				}
			}
		})
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, n := range []int{1, 10, 1000} {
		b.Run(fmt.Sprint(n, " receivers"), func(b *testing.B) {
			p := newPubSub(b, msg.Exact, "com.myapp.topic", n)
			b.ReportAllocs()
			for b.Loop() {
				p.event()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/event")
		})
	}
}

func BenchmarkJoinLeave(b *testing.B) {
	r := testRealm(Config{})
	var out Out
	for i := range 10_000 {
		testSession(r, uint64(i+10), &out)
	}
	s := new(Session)
	topic := []byte("com.myapp.topic")
	b.ReportAllocs()
	for b.Loop() {
		*s = Session{ID: 1}
		r.Join(s, &out)
		must(b, r.Subscribe(s, &msg.Message{Type: msg.Subscribe, Request: 1, URI: topic}, &out))
		r.Leave(s, &out)
		out.Reset()
	}
}

// What a publication and a call cost with few and with many patterns installed.
// The patterns are other people's: what is published goes to one receiver, and
// what is called is registered exactly.
func BenchmarkPatterns(b *testing.B) {
	mixes := map[string]func(i int) (msg.Match, string){
		"prefix":   func(i int) (msg.Match, string) { return msg.Prefix, fmt.Sprintf("com.app%d.obj%d.", i%100, i) },
		"wildcard": func(i int) (msg.Match, string) { return msg.Wildcard, fmt.Sprintf("com..obj%d", i) },
		"both": func(i int) (msg.Match, string) {
			if i%2 == 0 {
				return msg.Prefix, fmt.Sprintf("com.app%d.obj%d.", i%100, i)
			}
			return msg.Wildcard, fmt.Sprintf("com..obj%d", i)
		},
		// All shapes that three components can have.
		"shapes": func(i int) (msg.Match, string) {
			u := []string{fmt.Sprint("com", i), fmt.Sprint("app", i), fmt.Sprint("obj", i)}
			for j := range u {
				if i%7>>j&1 == 1 {
					u[j] = ""
				}
			}
			return msg.Wildcard, u[0] + "." + u[1] + "." + u[2]
		},
	}
	for _, name := range []string{"prefix", "wildcard", "both", "shapes"} {
		for _, n := range []int{10, 100_000} {
			pattern := mixes[name]
			b.Run(fmt.Sprintf("publish/%s/%d", name, n), func(b *testing.B) {
				p := newPubSub(b, msg.Exact, "com.myapp.topic", 1)
				p.realm.cfg.MaxSubscriptions = n
				other := testSession(p.realm, 1000, &p.out)
				for i := range n {
					policy, u := pattern(i)
					must(b, p.realm.Subscribe(other, &msg.Message{Request: 1, URI: []byte(u), Options: msg.Options{Match: policy}}, &p.out))
					p.out.Reset()
				}
				if len(p.realm.subscriptions) != n+1 {
					b.Fatal(len(p.realm.subscriptions), "subscriptions")
				}
				b.ReportAllocs()
				for b.Loop() {
					p.event()
				}
			})
			b.Run(fmt.Sprintf("call/%s/%d", name, n), func(b *testing.B) {
				p := newRPC(b, msg.Options{Match: msg.Wildcard}, 0)
				p.realm.cfg.MaxRegistrations = n
				other := testSession(p.realm, 1000, &p.out)
				for i := range n {
					policy, u := pattern(i)
					must(b, p.realm.Register(other, &msg.Message{Request: 1, URI: []byte(u), Options: msg.Options{Match: policy}}, &p.out))
					p.out.Reset()
				}
				if len(p.realm.registrations) != n {
					b.Fatal(len(p.realm.registrations), "registrations")
				}
				// The one that is called is found last.
				must(b, p.realm.Register(testSession(p.realm, 1001, &p.out), &msg.Message{Request: 1, URI: []byte(".."), Options: msg.Options{Match: msg.Wildcard}}, &p.out))
				p.out.Reset()
				b.ReportAllocs()
				for b.Loop() {
					p.pair()
				}
			})
		}
	}
}
