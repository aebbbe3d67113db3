package jwt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

// Keys are where an Authenticator finds the keys that verify tokens.
type Keys interface {
	// Find returns the keys that a token with this "kid" may have been signed
	// with; id is empty when the token has none.
	Find(ctx context.Context, id string) ([]Key, error)
}

// StaticKeys are keys that stay as they are.
func StaticKeys(keys ...Key) Keys { return staticKeys(keys) }

type staticKeys []Key

func (s staticKeys) Find(_ context.Context, id string) ([]Key, error) { return matching(s, id), nil }

// matching returns the keys for tokens with an id: those with the same one, and
// those that have none.
func matching(keys []Key, id string) []Key {
	return slices.DeleteFunc(slices.Clone(keys), func(k Key) bool { return id != "" && k.ID != "" && k.ID != id })
}

// maxSet is the size in bytes of the largest key set that is read.
const maxSet = 1 << 20

// File is a JSON Web Key Set in a file. It is read again when it has changed, so
// that keys can be exchanged while the router runs. A file that cannot be read
// leaves the keys as they are.
type File struct {
	Path string

	// OnError hears why the keys were left as they are.
	OnError func(error)

	mu      sync.Mutex
	keys    []Key
	read    time.Time // modification time of what was read
	size    int64
	trouble string // that OnError has heard of
}

// Find implements Keys.
func (f *File) Find(_ context.Context, id string) ([]Key, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refresh(); err != nil {
		if f.keys == nil {
			return nil, err
		}
		if f.OnError != nil && err.Error() != f.trouble {
			f.OnError(err)
		}
		f.trouble = err.Error()
	} else {
		f.trouble = ""
	}
	return matching(f.keys, id), nil
}

func (f *File) refresh() error {
	info, err := os.Stat(f.Path)
	if err != nil {
		return fmt.Errorf("key set: %w", err)
	}
	if info.ModTime().Equal(f.read) && info.Size() == f.size {
		return nil
	}
	if info.Size() > maxSet {
		return fmt.Errorf("key set %s: it is larger than %d bytes", f.Path, maxSet)
	}
	text, err := os.ReadFile(f.Path)
	if err != nil {
		return fmt.Errorf("key set: %w", err)
	}
	keys, err := ParseJWKS(text)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	f.keys, f.read, f.size = keys, info.ModTime(), info.Size()
	return nil
}

// URL is a JSON Web Key Set that an issuer publishes. It is fetched when it is
// needed first, when it is older than MaxAge, and when a token names a key that
// is not in it, but not more often than MinAge. As long as it cannot be fetched,
// the keys of the last time are good, for at most MaxStale. Secrets in it are
// not accepted: whoever can read them could issue tokens.
type URL struct {
	URL      string
	MaxAge   time.Duration // default 15 min
	MinAge   time.Duration // default 10 s
	MaxStale time.Duration // default 24 h
	Timeout  time.Duration // of a request; default 5 s
	Client   *http.Client  // default: one that follows no redirects

	// OnError hears why old keys are used.
	OnError func(error)

	mu       sync.Mutex
	keys     []Key
	fetched  time.Time     // when keys were fetched
	tried    time.Time     // when that was tried last
	fetching chan struct{} // closed when the request under way has ended; nil when there is none
}

// Find implements Keys.
func (u *URL) Find(ctx context.Context, id string) ([]Key, error) {
	for tried := false; ; tried = true {
		u.mu.Lock()
		keys := matching(u.keys, id)
		now := time.Now()
		age, pause := now.Sub(u.fetched), now.Sub(u.tried)
		stale := u.keys == nil || age > cmp.Or(u.MaxStale, 24*time.Hour)
		due := stale || age > cmp.Or(u.MaxAge, 15*time.Minute) || len(keys) == 0
		if !due || tried || pause < cmp.Or(u.MinAge, 10*time.Second) {
			u.mu.Unlock()
			if stale {
				return nil, errors.New("key set " + u.URL + ": it cannot be fetched")
			}
			return keys, nil
		}
		if wait := u.fetching; wait != nil {
			u.mu.Unlock()
			select {
			case <-wait:
				continue
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
		u.fetching = make(chan struct{})
		u.mu.Unlock()
		err := u.refresh(ctx)
		if err != nil && stale {
			return nil, err
		}
		if err != nil && u.OnError != nil {
			u.OnError(err)
		}
	}
}

// refresh fetches the keys. Whoever has asked for them leaving in the meantime
// does not spoil it for the others.
func (u *URL) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cmp.Or(u.Timeout, 5*time.Second))
	defer cancel()
	keys, err := u.fetch(ctx)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.tried = time.Now()
	if err == nil {
		u.keys, u.fetched = keys, u.tried
	}
	close(u.fetching)
	u.fetching = nil
	return err
}

var client = &http.Client{
	Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (u *URL) fetch(ctx context.Context) ([]Key, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	response, err := cmp.Or(u.Client, client).Do(req)
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("key set %s: the server answers %s", u.URL, response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxSet+1))
	if err != nil {
		return nil, fmt.Errorf("key set %s: %w", u.URL, err)
	}
	if len(text) > maxSet {
		return nil, fmt.Errorf("key set %s: it is larger than %d bytes", u.URL, maxSet)
	}
	keys, err := ParseJWKS(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", u.URL, err)
	}
	if slices.ContainsFunc(keys, func(k Key) bool { return k.secret }) {
		return nil, fmt.Errorf("key set %s: there is a secret in it, which everybody can read", u.URL)
	}
	return keys, nil
}
