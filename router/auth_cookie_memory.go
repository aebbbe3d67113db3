package router

import (
	"context"
	"sync"
	"time"
)

// CookieMemory is a CookieStore in the process's memory. Cookies are forgotten
// when it ends.
type CookieMemory struct {
	mu      sync.Mutex
	entries remembered[string]
	values  map[string]*CookieEntry
}

// NewCookieMemory returns a store that keeps at most limit cookies. When it is
// full, the one that was used longest ago is forgotten.
func NewCookieMemory(limit int) *CookieMemory {
	m := &CookieMemory{values: make(map[string]*CookieEntry)}
	m.entries.init()
	m.entries.bound(limit)
	m.entries.forgotten = func(key string) { delete(m.values, key) }
	return m
}

// Get implements CookieStore.
func (m *CookieMemory) Get(_ context.Context, key string) (*CookieEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.values[key]
	if e == nil {
		return nil, nil
	}
	if time.Now().After(e.Expires) {
		m.entries.forget(key)
		return nil, nil
	}
	m.entries.get(key)
	return e, nil
}

// Put implements CookieStore.
func (m *CookieMemory) Put(_ context.Context, key string, e *CookieEntry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries.get(key)
	m.values[key] = e
	return nil
}

// Delete implements CookieStore.
func (m *CookieMemory) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries.forget(key)
	return nil
}
