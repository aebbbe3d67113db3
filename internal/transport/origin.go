package transport

import (
	"net/http"
	"net/url"
	"path"
	"strings"
)

// Refusal is an error that is answered with an HTTP status.
type Refusal struct {
	Status int
	Text   string
}

// Error returns the text of the response.
func (r *Refusal) Error() string { return r.Text }

// OriginAllowed reports whether the page that sent r may connect: one of the
// same host, or of an origin that matches a pattern such as
// "https://*.example.com", where * stands for any characters but "/", and alone
// for every origin. A request without Origin is no browser's, and allowed.
func OriginAllowed(r *http.Request, patterns []string) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if u, err := url.Parse(origin); err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) {
		return true
	}
	for _, pattern := range patterns {
		if pattern == "*" {
			return true
		}
		if ok, _ := path.Match(strings.ToLower(pattern), strings.ToLower(origin)); ok {
			return true
		}
	}
	return false
}
