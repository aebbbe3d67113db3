package wamp

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// allParts returns all parts.
func allParts[I any](_ context.Context, parts iter.Seq2[I, error]) ([]I, error) {
	all := []I{}
	for part, err := range parts {
		if err != nil {
			return nil, err
		}
		all = append(all, part)
	}
	return all, nil
}

// INVOCATIONs with the same id are parts for one handler (advanced profile,
// "Progressive Call Invocations").
func TestUpload(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	type in struct {
		ID   int    `uri:"id"`
		Text string `wamp:"0"`
		Size int    `wamp:"size"`
	}
	sc.register(s, `[64, 1, {}, "com.put"]`, `[65, 1, 11]`, "com.put", Upload(allParts[string]))
	sc.register(s, `[64, 2, {"match": "wildcard"}, "com..put"]`, `[65, 2, 12]`, "com.{id}.put",
		Upload(func(ctx context.Context, parts iter.Seq2[in, error]) (string, error) {
			all, err := allParts(ctx, parts)
			return fmt.Sprint(all), err
		}))
	for _, tt := range []struct{ name, messages, answer string }{
		{"three", `[68, 1, 11, {"progress": true}, ["a"]]
			[68, 1, 11, {"progress": true}, ["b"]]
			[68, 1, 11, {}, ["c"]]`, `[70, 1, {}, [["a", "b", "c"]]]`},
		{"one", `[68, 2, 11, {}, ["a"]]`, `[70, 2, {}, [["a"]]]`},
		{"none", `[68, 3, 11, {}]`, `[70, 3, {}, [[]]]`},
		{"blank messages are no parts", `[68, 4, 11, {"progress": true}]
			[68, 4, 11, {"progress": true}, ["a"]]
			[68, 4, 11, {"progress": true}, [], {}]
			[68, 4, 11, {}, []]`, `[70, 4, {}, [["a"]]]`},
		{"options of the first hold", `[68, 5, 12, {"progress": true, "procedure": "com.7.put"}, ["a"], {"size": 1}]
			[68, 5, 12, {"procedure": "com.8.put"}, [], {"size": 2}]`, `[70, 5, {}, ["[{7 a 1} {7  2}]"]]`},
		{"a part that does not fit", `[68, 6, 11, {"progress": true}, ["a"]]
			[68, 6, 11, {"progress": true}, [6]]`,
			`[8, 68, 6, {}, "wamp.error.invalid_argument", ["argument 0: got number 6, expected a string"]]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sc.t = t
			for line := range strings.Lines(tt.messages) {
				sc.send(strings.TrimSpace(line))
			}
			sc.expect(tt.answer)
		})
	}
	sc.t = t
	sc.send(`[68, 6, 11, {"progress": true}, ["late"]]`)
	sc.send(`[68, 6, 11, {}, ["late"]]`)
	sc.send(`[68, 7, 11, {}, ["a"]]`)
	sc.expect(`[70, 7, {}, [["a"]]]`)
}

// What comes for an invocation that has ended is ignored ("Continuations on
// Completed Calls").
func TestUploadLate(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	runs := 0
	sc.register(s, `[64, 1, {"concurrency": 1}, "com.first"]`, `[65, 1, 11]`, "com.first",
		Upload(func(_ context.Context, parts iter.Seq2[int, error]) (int, error) {
			runs++
			for n, err := range parts {
				return n, err
			}
			return -1, nil
		}), Concurrency(1))
	for id := 1; id <= maxLate+10; id++ {
		sc.send(fmt.Sprintf(`[68, %d, 11, {"progress": true}, [%d]]`, id, id))
		sc.expect(fmt.Sprintf(`[70, %d, {}, [%d]]`, id, id))
		if id%3 == 0 {
			sc.send(fmt.Sprintf(`[68, %d, 11, {"progress": true}, [0]]`, id))
			sc.send(fmt.Sprintf(`[68, %d, 11, {}, [0]]`, id))
		}
	}
	// So are the parts of a call that was refused.
	sc.send(`[68, 5000, 99, {"progress": true}, [1]]`)
	sc.expect(`[8, 68, 5000, {}, "wamp.error.no_such_procedure"]`)
	sc.send(`[68, 5000, 99, {}, [1]]`)
	sc.send(`[68, 5001, 11, {}, [1]]`)
	sc.expect(`[70, 5001, {}, [1]]`)
	s.mu.Lock()
	if len(s.late.ids) > maxLate || len(s.late.order) > maxLate {
		t.Error(len(s.late.ids), len(s.late.order))
	}
	s.mu.Unlock()
	if runs != maxLate+11 {
		t.Errorf("the handler ran %d times", runs)
	}
}

// Handlers that take their arguments at once are not called with a part of
// them, and one that ignores the others does not succeed.
func TestPartsRefused(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	called := 0
	const text = `["the procedure does not take its arguments in parts"]`
	for i, h := range []Handler{
		Func1(func(context.Context, int) (int, error) { called++; return 0, nil }),
		Typed(func(context.Context, int) (int, error) { called++; return 0, nil }),
		Streaming(func(context.Context, int, func(int) error) (int, error) { called++; return 0, nil }),
		Func(func(int) int { called++; return 0 }),
		HandlerFunc(func(context.Context, *Invocation) (Result, error) { return Return(Args{1}), nil }),
	} {
		sc.register(s, fmt.Sprintf(`[64, %d, {}, "com.x"]`, i+1), fmt.Sprintf(`[65, %d, %d]`, i+1, i+11), "com.x", h)
		sc.send(fmt.Sprintf(`[68, %d, %d, {"progress": true}, [1]]`, i+1, i+11))
		sc.expect(fmt.Sprintf(`[8, 68, %d, {}, "wamp.error.feature_not_supported", %s]`, i+1, text))
		sc.send(fmt.Sprintf(`[68, %d, %d, {}, [1]]`, i+1, i+11))
	}
	if called != 0 {
		t.Errorf("%d handlers were called", called)
	}
}

// A raw handler has the parts, and what surrounds it need not know.
func TestParts(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	inner := HandlerFunc(func(_ context.Context, inv *Invocation) (Result, error) {
		var texts []string
		add := func(p Payload) {
			args, _, _ := p.JSON()
			texts = append(texts, string(args))
		}
		for p, err := range inv.Parts() {
			if err != nil {
				return Result{}, err
			}
			add(p)
			break
		}
		texts = append(texts, "pause")
		for p, err := range inv.Parts() {
			if err != nil {
				return Result{}, err
			}
			add(p)
		}
		return Return(Args{inv.Progressive(), texts}), nil
	})
	outer := HandlerFunc(func(ctx context.Context, inv *Invocation) (Result, error) { return inner.Invoke(ctx, inv) })
	sc.register(s, `[64, 1, {}, "com.x"]`, `[65, 1, 11]`, "com.x", outer)
	sc.send(`[68, 1, 11, {"progress": true}, [1]]`)
	sc.send(`[68, 1, 11, {"progress": true}, [2, 3]]`)
	sc.send(`[68, 1, 11, {}, [4]]`)
	sc.expect(`[70, 1, {}, [true, ["[1]", "pause", "[2, 3]", "[4]"]]]`)
	sc.send(`[68, 2, 11, {}, [1]]`)
	sc.expect(`[70, 2, {}, [false, ["[1]", "pause"]]]`)
}

func TestDuplex(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	sc.register(s, `[64, 1, {}, "com.chat"]`, `[65, 1, 11]`, "com.chat",
		Duplex(func(_ context.Context, parts iter.Seq2[string, error], send func(string) error) (int, error) {
			if err := send("hello"); err != nil {
				return 0, err
			}
			n := 0
			for part, err := range parts {
				if err = errors.Join(err, send(part+"!")); err != nil {
					return n, err
				}
				n++
			}
			return n, nil
		}))
	sc.send(`[68, 1, 11, {"progress": true, "receive_progress": true}]`)
	sc.expect(`[70, 1, {"progress": true}, ["hello"]]`)
	for _, text := range []string{"a", "b"} {
		sc.send(`[68, 1, 11, {"progress": true}, ["` + text + `"]]`)
		sc.expect(`[70, 1, {"progress": true}, ["` + text + `!"]]`)
	}
	sc.send(`[68, 1, 11, {}, ["c"]]`)
	sc.expect(`[70, 1, {"progress": true}, ["c!"]]`)
	sc.expect(`[70, 1, {}, [3]]`)
}

// INTERRUPT, a timeout and the end of the session end the wait for parts, even
// while some are there.
func TestUploadInterrupted(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	began, ended, resume := make(chan struct{}, 1), make(chan error, 1), make(chan struct{})
	sc.register(s, `[64, 1, {}, "com.put"]`, `[65, 1, 11]`, "com.put",
		Upload(func(_ context.Context, parts iter.Seq2[string, error]) (int, error) {
			for part, err := range parts {
				if err != nil {
					ended <- err
					return 0, err
				}
				began <- struct{}{}
				if part == "wait" {
					<-resume
				}
			}
			return 0, nil
		}))
	sc.send(`[68, 1, 11, {"progress": true}, ["a"]]`)
	<-began
	sc.send(`[69, 1, {"mode": "killnowait"}]`)
	wantError(t, <-ended, context.Canceled)
	sc.expect(`[8, 68, 1, {}, "wamp.error.canceled"]`)

	sc.send(`[68, 2, 11, {"progress": true}, ["wait"]]`)
	<-began
	sc.send(`[68, 2, 11, {}, ["never taken"]]`)
	sc.send(`[69, 2, {"mode": "killnowait"}]`)
	sc.send(`[68, 3, 99, {}]`)
	sc.expect(`[8, 68, 3, {}, "wamp.error.no_such_procedure"]`) // INTERRUPT has been handled
	resume <- struct{}{}
	wantError(t, <-ended, context.Canceled)
	sc.expect(`[8, 68, 2, {}, "wamp.error.canceled"]`)

	sc.send(`[68, 4, 11, {"progress": true, "timeout": 5}, ["a"]]`)
	<-began
	wantError(t, <-ended, context.DeadlineExceeded)
	sc.expect(`[8, 68, 4, {}, "wamp.error.timeout"]`)

	sc.send(`[68, 5, 11, {"progress": true}, ["a"]]`)
	<-began
	sc.hangUp(s)
	wantError(t, <-ended, context.Canceled)
}

// An invocation in parts counts once, also while it waits for its turn.
func TestUploadConcurrency(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	sc.register(s, `[64, 1, {"concurrency": 1}, "com.put"]`, `[65, 1, 11]`, "com.put",
		Upload(allParts[int]), Concurrency(1), Queue(1))
	for n := range 5 {
		for id := range 2 {
			sc.send(fmt.Sprintf(`[68, %d, 11, {"progress": true}, [%d]]`, id+1, n))
		}
	}
	sc.send(`[68, 3, 11, {}, [0]]`)
	sc.expect(`[8, 68, 3, {}, "wamp.error.unavailable", ["too many calls wait for the procedure"]]`)
	sc.send(`[68, 1, 11, {}]`)
	sc.expect(`[70, 1, {}, [[0, 1, 2, 3, 4]]]`)
	sc.send(`[68, 2, 11, {}, [5]]`)
	sc.expect(`[70, 2, {}, [[0, 1, 2, 3, 4, 5]]]`)
}

// A handler that does not take its parts does not make the session grow: the
// caller is told at once, and nobody else is held up.
func TestUploadOverflow(t *testing.T) {
	const refused = `"wamp.error.limit_exceeded", ["the procedure is slower than the caller: too many parts of the arguments wait"]]`
	sc := newScript(t)
	s := sc.join(sc.dialer())
	resume, ended := make(chan struct{}), make(chan error, 1)
	sc.register(s, `[64, 1, {}, "com.slow"]`, `[65, 1, 11]`, "com.slow",
		Upload(func(ctx context.Context, parts iter.Seq2[int, error]) (int, error) {
			for _, err := range parts {
				if err != nil {
					ended <- err
					return 0, err
				}
				<-resume
			}
			return 0, nil
		}))
	sc.register(s, `[64, 2, {}, "com.put"]`, `[65, 2, 12]`, "com.put", Upload(allParts[int]))
	sc.send(`[68, 1, 11, {"progress": true}, [0]]`)
	resume <- struct{}{} // it waits for the second one
	sc.send(`[68, 1, 11, {"progress": true}, [0]]`)
	for range maxBacklog + 1 {
		sc.send(`[68, 1, 11, {"progress": true}, [1]]`)
	}
	sc.expect(`[8, 68, 1, {}, ` + refused)
	sc.send(`[68, 1, 11, {"progress": true}, [2]]`)
	sc.send(`[68, 1, 11, {}, [3]]`)
	sc.send(`[68, 2, 12, {}, [4]]`)
	sc.expect(`[70, 2, {}, [[4]]]`)
	close(resume)
	wantError(t, <-ended, ErrLimitExceeded)

	// The bytes of one invocation, and of all together.
	resume = make(chan struct{})
	part := `"` + strings.Repeat("x", 1<<20) + `"`
	sc.register(s, `[64, 3, {}, "com.stop"]`, `[65, 3, 13]`, "com.stop",
		Upload(func(ctx context.Context, _ iter.Seq2[int, error]) (int, error) {
			<-ctx.Done()
			<-resume
			return 0, nil
		}))
	id := 10
	sc.send(`[68, 10, 13, {"progress": true}]`)
	for range 16 {
		sc.send(`[68, 10, 13, {"progress": true}, [` + part + `]]`)
	}
	sc.expect(`[8, 68, 10, {}, ` + refused)
	for id = 11; id <= 14; id++ {
		sc.send(fmt.Sprintf(`[68, %d, 13, {"progress": true}]`, id))
		for range 15 {
			sc.send(fmt.Sprintf(`[68, %d, 13, {"progress": true}, [%s]]`, id, part))
		}
	}
	sc.send(fmt.Sprintf(`[68, %d, 13, {"progress": true}]`, id))
	for range 4 {
		sc.send(fmt.Sprintf(`[68, %d, 13, {"progress": true}, [%s]]`, id, part))
	}
	sc.expect(fmt.Sprintf(`[8, 68, %d, {}, %s`, id, refused))
	for id = 11; id <= 14; id++ {
		sc.send(fmt.Sprintf(`[69, %d, {"mode": "killnowait"}]`, id))
	}
	close(resume)
	var answers []string
	for range 4 {
		answers = append(answers, sc.read())
	}
	slices.Sort(answers)
	if diff := cmp.Diff([]string{`[70,11,{},[0]]`, `[70,12,{},[0]]`, `[70,13,{},[0]]`, `[70,14,{},[0]]`}, answers); diff != "" {
		t.Error(diff)
	}
	s.mu.Lock()
	if s.waitingInput != 0 {
		t.Errorf("%d bytes wait for handlers that have returned", s.waitingInput)
	}
	s.mu.Unlock()
}
