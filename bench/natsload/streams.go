package natsload

import "github.com/nats-io/nats.go"

// streams sets up a responder that answers each request by many messages, and
// callers that make one request after the other.
func (r *run) streams() error {
	callee, err := r.connect()
	if err != nil {
		return err
	}
	payload := r.payload()
	_, err = callee.Subscribe("bench.stream", func(m *nats.Msg) {
		for range r.Results + 1 {
			if err := m.Respond(payload); err != nil {
				r.fail(err)
				return
			}
		}
	})
	if err == nil {
		err = callee.Flush()
	}
	if err != nil {
		return err
	}
	for range r.Clients {
		if err := r.streamCaller(payload); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) streamCaller(payload []byte) error {
	nc, err := r.connect()
	if err != nil {
		return err
	}
	inbox := nc.NewInbox()
	request := func() {
		if err := nc.PublishRequest("bench.stream", inbox, payload); err != nil && nc.IsConnected() {
			r.fail(err)
		}
	}
	left := r.Results + 1 // handlers of a subscription run one after the other
	sub, err := nc.Subscribe(inbox, func(*nats.Msg) {
		r.done.Add(1)
		if left--; left == 0 {
			left = r.Results + 1
			request()
		}
	})
	if err != nil {
		return err
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return err
	}
	if err := nc.Flush(); err != nil {
		return err
	}
	request()
	return nil
}
