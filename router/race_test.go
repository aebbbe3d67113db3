package router_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
)

// answer returns the next message and its type.
func (w *wire) answer() (int64, []any) {
	w.t.Helper()
	m := decode(w.t, w.receive()).([]any)
	return number(m[0]), m
}

func number(v any) int64 {
	n, _ := v.(json.Number).Int64()
	return n
}

// Calls are in flight while their callee unregisters, registers anew and
// leaves: each gets exactly one answer, no INVOCATION follows UNREGISTERED, and
// each refers to the registration that was there.
func TestCallsAgainstRegistering(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	const calls, callers = 1500, 2
	var running sync.WaitGroup
	var stop atomic.Bool
	for n := range callers {
		caller := vias()[n*4].join(t, addr)
		running.Go(func() {
			go func() {
				for i := range calls {
					_, _ = caller.nc.Write(caller.frame(caller.format.encode(t, fmt.Sprintf(`[48,%d,{},"com.p",[%d]]`, i+1, i+1))))
				}
			}()
			answered := make([]bool, calls+1)
			for range calls {
				typ, m := caller.answer()
				id, uri := number(m[1]), ""
				if typ == 8 {
					id, uri = number(m[2]), m[4].(string)
				}
				if id < 1 || id > calls || answered[id] {
					t.Errorf("answered twice: %v", m)
					return
				}
				answered[id] = true
				switch {
				case typ == 50 && number(m[3].([]any)[0]) == id:
				case typ == 8 && (uri == "wamp.error.no_such_procedure" || uri == "wamp.error.canceled" || uri == "wamp.error.unavailable"):
				default:
					t.Errorf("got %v", m)
					return
				}
			}
			caller.sync()
		})
	}
	var callee sync.WaitGroup
	callee.Go(func() {
		for round := 0; !stop.Load(); round++ {
			w := vias()[round%9].join(t, addr)
			for cycle := range 3 {
				w.send(fmt.Sprintf(`[64,%d,{},"com.p"]`, 2*cycle+1))
				var reg any
				for served, unregistered := 0, false; !unregistered; {
					typ, m := w.answer()
					switch typ {
					case 65:
						reg = m[2]
					case 68:
						if reg == nil || m[2] != reg {
							t.Errorf("INVOCATION for %v while %v is registered", m[2], reg)
							return
						}
						w.send(fmt.Sprintf(`[70,%v,{},[%v]]`, m[1], m[4].([]any)[0]))
						served++
					case 69:
					case 67:
						unregistered = true
						continue
					default:
						t.Errorf("callee got %v", m)
						return
					}
					if typ == 65 && stop.Load() || served == 20 || typ == 65 && cycle == 2 {
						w.vars["reg"] = reg
						w.send(fmt.Sprintf(`[66,%d,"$reg"]`, 2*cycle+2))
						served++
					}
				}
				if cycle == 1 {
					break
				}
			}
			switch round % 3 {
			case 0:
				_ = w.nc.Close()
			case 1:
				w.send(`[6,{},"wamp.close.normal"]`)
			default:
				w.send(`[99]`)
			}
		}
	})
	running.Wait()
	stop.Store(true)
	// Whoever waits for a call gets one.
	last := join(t, addr)
	ended := make(chan struct{})
	go func() { callee.Wait(); close(ended) }()
	for i := 1; ; i++ {
		last.send(fmt.Sprintf(`[48,%d,{},"com.p",[1]]`, i))
		last.receive()
		select {
		case <-ended:
			return
		default:
		}
	}
}

// No EVENT comes after UNSUBSCRIBED or before SUBSCRIBED, and none is missing
// in between, while others publish.
func TestSubscribingAgainstPublishing(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	var stop atomic.Bool
	var publishers, subscribers sync.WaitGroup
	for n := range 2 {
		w := vias()[n].join(t, addr)
		publishers.Go(func() {
			for i := 1; !stop.Load(); i++ {
				w.send(fmt.Sprintf(`[16,%d,{"acknowledge":true},"com.t",[%d,%d]]`, i, n, i))
				w.expect(fmt.Sprintf(`[17,%d,"*"]`, i))
			}
		})
	}
	for n, v := range vias() {
		if n%2 == 1 {
			continue
		}
		w := v.join(t, addr)
		subscribers.Go(func() {
			for i := range 60 {
				w.send(fmt.Sprintf(`[32,%d,{},"com.t"]`, 2*i+1))
				var subscription any
				last := map[int64]int64{}
				for events, unsubscribed := 0, false; !unsubscribed; {
					typ, m := w.answer()
					switch typ {
					case 33:
						subscription = m[2]
					case 36:
						args := m[4].([]any)
						from, seq := number(args[0]), number(args[1])
						if subscription == nil || m[1] != subscription || last[from] != 0 && seq != last[from]+1 {
							t.Errorf("EVENT %v after %d, subscription %v", m, last[from], subscription)
							return
						}
						last[from] = seq
						if events++; events == 3 {
							w.vars["sub"] = subscription
							w.send(fmt.Sprintf(`[34,%d,"$sub"]`, 2*i+2))
						}
					case 35:
						unsubscribed = true
					default:
						t.Errorf("got %v", m)
						return
					}
				}
				w.sync()
			}
		})
	}
	subscribers.Wait()
	stop.Store(true)
	publishers.Wait()
}

// Calls of one caller reach one callee in their order, over every pair of
// transports and serializers, and so do their answers.
func TestCallOrder(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	const n = 300
	for i, v := range vias() {
		callee, caller := v.join(t, addr), vias()[(i+4)%9].join(t, addr)
		callee.send(`[64,1,{},"com.p"]`)
		callee.expect(`[65,1,"*"]`)
		var callers sync.WaitGroup
		callers.Go(func() {
			for i := range n {
				caller.send(fmt.Sprintf(`[48,%d,{},"com.p",[%d]]`, i+1, i))
			}
		})
		for i := range n {
			callee.expect(fmt.Sprintf(`[68,%d,"*",{},[%d]]`, i+1, i))
			callee.send(fmt.Sprintf(`[70,%d,{},[%d]]`, i+1, i))
		}
		callers.Wait()
		for i := range n {
			caller.expect(fmt.Sprintf(`[50,%d,{},[%d]]`, i+1, i))
		}
		callee.send(`[6,{},"wamp.close.normal"]`)
		callee.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
	}
}

// Sessions on one connection, one after the other, in many realms that come and
// go.
func TestSessionsInSequence(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	var all sync.WaitGroup
	for n, v := range vias() {
		w := v.dial(t, addr)
		all.Go(func() {
			seen := map[any]bool{}
			for i := range 50 {
				delete(w.vars, "session")
				w.hello(fmt.Sprintf("realm%d", (n+i)%5))
				if seen[w.vars["session"]] {
					t.Errorf("a session id came twice")
				}
				seen[w.vars["session"]] = true
				procedure := fmt.Sprintf("com.p%d", n)
				w.send(fmt.Sprintf(`[64,1,{},%q]`, procedure))
				w.expect(`[65,1,"*"]`)
				w.send(fmt.Sprintf(`[48,2,{},%q]`, procedure))
				w.expect(`[68,1,"*",{}]`) // ids begin anew
				if i%2 == 0 {
					w.send(`[70,1,{}]`)
					w.expect(`[50,2,{}]`)
				}
				w.send(`[6,{},"wamp.close.normal"]`)
				w.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
			}
		})
	}
	all.Wait()
}

// Clients join, talk and vanish while the router is shut down or closed.
func TestShutdownUnderLoad(t *testing.T) {
	for _, orderly := range []bool{true, false} {
		rt, addr := newRouter(t, router.Config{GoodbyeTimeout: 200 * time.Millisecond})
		var stop atomic.Bool
		var busy, clients sync.WaitGroup
		busy.Add(9)
		var joined []*wire
		for _, v := range vias() {
			joined = append(joined, v.join(t, addr))
		}
		for n, w := range joined {
			clients.Go(func() {
				var once sync.Once
				for i := 1; ; i++ {
					for _, m := range []string{
						fmt.Sprintf(`[64,%d,{"invoke":"roundrobin"},"com.p"]`, i), fmt.Sprintf(`[32,%d,{},"com.t"]`, i),
						fmt.Sprintf(`[48,%d,{"timeout":1},"com.p"]`, i), fmt.Sprintf(`[16,%d,{},"com.t"]`, i),
					} {
						if _, err := w.nc.Write(w.frame(w.format.encode(t, m))); err != nil {
							return
						}
					}
					b, err := w.read(w.nc)
					if err != nil {
						return
					}
					if n%3 == 0 { // the polite ones
						if m := decode(t, w.format.decode(t, b)).([]any); number(m[0]) == 6 {
							_, _ = w.nc.Write(w.frame(w.format.encode(t, `[6,{},"wamp.close.goodbye_and_out"]`)))
						}
					}
					if i == 5 {
						once.Do(busy.Done)
					}
				}
			})
		}
		busy.Wait()
		// Others come and go meanwhile.
		clients.Go(func() {
			for !stop.Load() {
				nc, err := net.Dial("tcp", addr)
				if err != nil {
					return
				}
				_, _ = io.WriteString(nc, "\x7f\xf1\x00\x00")
				_, _ = nc.Write(rawSocket{}.frame([]byte(`[1,"realm1",` + allRoles + `]`)))
				_ = nc.Close()
			}
		})
		if orderly {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			if err := rt.Shutdown(ctx); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			cancel()
		} else if err := rt.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		stop.Store(true)
		clients.Wait()
	}
}
