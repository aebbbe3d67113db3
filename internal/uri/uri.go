// Package uri holds the rules for WAMP URIs (specification, basic profile,
// section "URIs"), as functions on byte views that allocate nothing.
//
// A URI is a list of components separated by dots. By the loose rules a
// component is any text without dots, "#" and white space; by the strict rules
// it is made of digits, lower-case letters and "_". Where empty components may
// stand depends on what the URI is for:
//
//	Valid          topics, procedures, errors, realms: nowhere
//	ValidPrefix    prefix patterns: only the last one, and "" matches everything
//	ValidWildcard  wildcard patterns: anywhere, each standing for any component
//
// White space is Unicode's, U+0000 and invalid UTF-8 are refused everywhere.
package uri

import (
	"unicode"
	"unicode/utf8"
)

// Valid reports whether u is a URI without empty components.
func Valid(u []byte, strict bool) bool { return valid(u, strict, false, false) }

// ValidPrefix reports whether u is a pattern for prefix matching.
func ValidPrefix(u []byte, strict bool) bool { return valid(u, strict, false, true) }

// ValidWildcard reports whether u is a pattern for wildcard matching.
func ValidWildcard(u []byte, strict bool) bool { return valid(u, strict, true, true) }

// reserved is the first component of the URIs that belong to the protocol.
const reserved = "wamp"

// IsReserved reports whether the first component of u is "wamp", which only
// the router may register and publish to.
func IsReserved(u []byte) bool {
	return len(u) >= len(reserved) && string(u[:len(reserved)]) == reserved &&
		(len(u) == len(reserved) || u[len(reserved)] == '.')
}

// What a byte may be in a URI.
const (
	refused = iota
	wide    // part of a character beyond ASCII
	loose   // allowed by the loose rules only
	always  // allowed by both
	dot
)

var classes = func() (class [256]uint8) {
	for c := range class {
		switch {
		case c >= utf8.RuneSelf:
			class[c] = wide
		case c == '.':
			class[c] = dot
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c == '_':
			class[c] = always
		case c == 0, c == '#', c >= 0x1c && c <= 0x1f, unicode.IsSpace(rune(c)):
			// The information separators 1C to 1F are white space to the
			// specification's regular expressions, though not to Unicode.
			class[c] = refused
		default:
			class[c] = loose
		}
	}
	return class
}()

// valid scans u. emptyInner allows empty components before the last one,
// emptyLast an empty last one.
func valid(u []byte, strict, emptyInner, emptyLast bool) bool {
	start := 0 // of the current component
	for i := 0; i < len(u); i++ {
		switch classes[u[i]] {
		case always:
		case dot:
			if i == start && !emptyInner {
				return false
			}
			start = i + 1
		case loose:
			if strict {
				return false
			}
		case wide:
			r, n := utf8.DecodeRune(u[i:])
			if strict || r == utf8.RuneError && n == 1 || unicode.IsSpace(r) {
				return false
			}
			i += n - 1
		default:
			return false
		}
	}
	return start < len(u) || emptyLast
}
