package router

// Key is the name of a value that an application keeps with sessions. Values
// last as long as anybody has the session; other keys of the same name are
// other keys.
//
//	var name = router.NewKey[string]("name")
//
//	name.Set(router.From(ctx), "Joe")
//	who, ok := name.Get(router.From(ctx))
type Key[T any] struct{ name string }

// NewKey returns a key for values of type T. The name is for people who debug.
func NewKey[T any](name string) *Key[T] { return &Key[T]{name} }

// String returns the key's name.
func (k *Key[T]) String() string { return k.name }

// Set keeps a value with s.
func (k *Key[T]) Set(s *Session, v T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil {
		s.values = make(map[any]any)
	}
	s.values[k] = &v
}

// Get returns what Set has kept with s last, the zero T and false when that is
// nothing.
func (k *Key[T]) Get(s *Session) (v T, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, ok := s.values[k].(*T)
	if ok {
		v = *kept
	}
	return v, ok
}

// Delete forgets the value.
func (k *Key[T]) Delete(s *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.values, k)
}
