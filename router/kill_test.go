package router_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
)

// Advanced profile, "Session Meta API": a killed session gets GOODBYE, is gone
// from the realm at once, and its connection ends when it has answered, or when
// the time for that is over.
func TestKill(t *testing.T) {
	_, addr := newRouter(t, router.Config{GoodbyeTimeout: 100 * time.Millisecond})
	killer, polite, silent := join(t, addr), join(t, addr), join(t, addr)
	for i, w := range []*wire{polite, silent} {
		w.send(fmt.Sprintf(`[64,1,{},"com.p%d"]`, i))
		w.expect(`[65,1,"*"]`)
		killer.send(fmt.Sprintf(`[48,%d,{},"wamp.session.kill",[%v],{"reason":"com.out","message":"you are out"}]`, 10+i, w.vars["session"]))
		killer.expect(fmt.Sprintf(`[50,%d,{}]`, 10+i))
		killer.send(fmt.Sprintf(`[48,%d,{},"com.p%d"]`, 20+i, i))
		killer.expect(fmt.Sprintf(`[8,48,%d,{},"wamp.error.no_such_procedure"]`, 20+i))
		w.expect(`[6,{"message":"you are out"},"com.out"]`)
	}
	polite.send(`[16,5,{"acknowledge":true},"com.t"]`) // ignored by now
	polite.send(`[6,{},"wamp.close.goodbye_and_out"]`)
	polite.expectEnd()
	silent.gone()

	killer.send(fmt.Sprintf(`[48,30,{},"wamp.session.kill",[%v]]`, killer.vars["session"]))
	killer.expect(`[8,48,30,{},"wamp.error.no_such_session"]`)
	for range 3 {
		join(t, addr)
	}
	killer.send(`[48,31,{},"wamp.session.kill_all"]`)
	killer.expect(`[50,31,{},[3]]`)
	killer.send(`[48,32,{},"wamp.session.count"]`)
	killer.expect(`[50,32,{},[1]]`)
}
