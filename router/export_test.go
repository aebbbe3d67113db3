package router

import (
	"context"

	"github.com/wampeter/wampeter/internal/msg"
)

// Check has f decide on all messages of a realm that carry a URI, as the
// slowest parts of an application do.
func (r *Realm) Check(f func(ctx context.Context, s *Session, uri string) error) {
	r.change(func(set *settings) {
		set.screens = with(set.screens, func(_ *Session, m *msg.Message) (check, error) {
			if m.URI == nil {
				return nil, nil
			}
			return func(ctx context.Context, s *Session, m *msg.Message) error {
				return f(ctx, s, string(m.URI))
			}, nil
		})
	})
	r.attend()
}
