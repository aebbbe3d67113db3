package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/wampeter/wampeter/wamp"
)

// Stock is what the shop has. Its methods are procedures.
type Stock struct {
	mu    sync.Mutex
	count map[string]int
}

func newStock(count map[string]int) *Stock { return &Stock{count: count} }

// SoldOut is the error for more than there is. It travels with its fields.
type SoldOut struct {
	Article string `wamp:"article"`
	Left    int    `wamp:"left"`
}

func (e *SoldOut) Error() string { return fmt.Sprintf("%d %s left", e.Left, e.Article) }

// registry returns what stock serves: all its methods, its error, and the topic
// that deliveries come by.
func (s *Stock) registry() *wamp.Registry {
	reg := wamp.NewRegistry("stock")
	_ = reg.Service("", s)
	_ = reg.Subscribe("delivered.{article}", wamp.Event(s.delivered))
	_ = wamp.DefineError[*SoldOut](reg, "error.sold_out")
	return reg
}

// Count returns how many there are of an article.
func (s *Stock) Count(article string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count[article]
}

// Take takes n of an article, and returns how many are left.
func (s *Stock) Take(_ context.Context, article string, n int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n < 1 {
		return 0, wamp.Errorf(wamp.ErrInvalidArgument, "argument 1: %d is no number to take", n)
	}
	if s.count[article] < n {
		return 0, &SoldOut{article, s.count[article]}
	}
	s.count[article] -= n
	return s.count[article], nil
}

// delivery is an event: the article is in its topic.
type delivery struct {
	Article string `uri:"article"`
	N       int    `wamp:"0,required"`
}

func (s *Stock) delivered(_ context.Context, d delivery) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count[d.Article] += d.N
	return nil
}
