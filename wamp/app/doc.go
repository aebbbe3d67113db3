// Package app keeps a program on the air: an App holds what the program serves
// and wants to hear, joins a router, and comes back with all of it whenever the
// connection is lost.
//
//	a := app.New("com.example")
//	a.Register("add2", wamp.Func2(add2))
//	a.Subscribe("news.{topic}", wamp.Event(onNews))
//	a.OnJoin(func(ctx context.Context, s *wamp.Session) error {
//		return announce(ctx, s) // everything above is in place
//	})
//	err := a.Run(ctx, &wamp.Dialer{URLs: []string{"wss://router.example/ws"}, Realm: "realm1"})
//
// # The life of an App
//
//	             ┌──────────────── wait as Backoff says ◄───────────────┐
//	             ▼                                                      │
//	Run ──► OnConnect ──► dial ──► register all ──► OnJoin ──► OnReady, Main
//	             │          │            │             │             │
//	             └──────────┴── failed ──┴─────────────┘        session ends
//	                            │                                    │
//	                            │                              OnLeave (if joined)
//	                            └───────────────► OnDisconnect ◄─────┘
//
// Hooks of one kind run one after the other, in the order in which they were
// added, and hooks never run beside each other; Main runs beside OnReady.
// OnConnect comes before each attempt and gets a copy of the Dialer for it
// alone, to put fresh credentials there. OnJoin comes after everything has been
// registered and subscribed. OnLeave comes once for each session that OnJoin
// has seen, and OnDisconnect once for each OnConnect: also when the router
// refused the session, or could not be reached.
//
// # What ends an App
//
//   - The end of Run's context, one of Signals, and Shutdown: gracefully. All
//     is unregistered and unsubscribed, handlers that run finish, up to
//     ShutdownTimeout, and the router gets GOODBYE. Run returns nil.
//   - The end of Main, likewise, with its error.
//   - A session that the program itself closes with Session.Close.
//   - Errors for which ShouldRetry says no, and attempts beyond
//     Backoff.MaxRetries, once no Dialer is left to try: ErrGaveUp.
//   - Close, at once.
//
// # Calling
//
// A *wamp.Session is one session, and is over when it is. Session returns the
// current one, and [Call] and [App.Publish] use it. While there is none they fail
// with ErrNotConnected, or wait, with the option wamp.WaitForReady. A call that
// the end of a session interrupts fails: whether it has been carried out is not
// known, and it is not repeated.
package app
