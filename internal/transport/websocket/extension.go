package websocket

import (
	"net/http"
	"strings"
)

// deflateOffer is the one form of permessage-deflate that is spoken: neither
// end keeps a window from message to message, so that a compressed event is the
// same for all receivers and a connection costs no memory for compression.
const deflateOffer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

// acceptDeflate returns the answer of a server to the extensions that a client
// offers; "" when there is none that it can accept.
//
// A window smaller than 2^15 bytes for the server is declined, since it would
// make compressed frames differ between receivers. A client that limits its own
// window changes nothing for the reader.
func acceptDeflate(h http.Header) string {
	for _, offer := range extensions(h) {
		if acceptable(offer) {
			return deflateOffer
		}
	}
	return ""
}

func acceptable(offer []string) bool {
	if offer[0] != "permessage-deflate" {
		return false
	}
	seen := make(map[string]bool)
	for _, param := range offer[1:] {
		name, value, has := strings.Cut(param, "=")
		value = strings.Trim(value, `"`)
		if seen[name] {
			return false
		}
		seen[name] = true
		switch name {
		case "server_no_context_takeover", "client_no_context_takeover":
			if has {
				return false
			}
		case "client_max_window_bits":
			if has && !windowBits(value) {
				return false
			}
		case "server_max_window_bits":
			if value != "15" {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func windowBits(s string) bool {
	switch s {
	case "8", "9", "10", "11", "12", "13", "14", "15":
		return true
	}
	return false
}

// checkDeflate reports for a client whether the server has accepted its offer,
// and whether its answer is one that the offer allows. A server that keeps its
// context is none: it was asked not to.
func checkDeflate(h http.Header) (accepted, ok bool) {
	list := extensions(h)
	if len(list) == 0 {
		return false, true
	}
	if len(list) > 1 || list[0][0] != "permessage-deflate" {
		return false, false
	}
	forgets := false
	for _, param := range list[0][1:] {
		name, value, _ := strings.Cut(param, "=")
		switch name {
		case "server_no_context_takeover":
			forgets = true
		case "client_no_context_takeover":
		case "server_max_window_bits":
			if !windowBits(strings.Trim(value, `"`)) {
				return false, false
			}
		default:
			return false, false
		}
	}
	return forgets, forgets
}

// extensions returns the offers in h, each with its name first and its
// parameters behind.
func extensions(h http.Header) [][]string {
	var list [][]string
	for _, line := range h["Sec-Websocket-Extensions"] {
		for offer := range strings.SplitSeq(line, ",") {
			var parts []string
			for part := range strings.SplitSeq(offer, ";") {
				parts = append(parts, strings.ReplaceAll(strings.TrimSpace(part), " ", ""))
			}
			if parts[0] != "" {
				list = append(list, parts)
			}
		}
	}
	return list
}
