package codec

import "github.com/wampeter/wampeter/internal/msg"

// Elements appends the elements of list, one complete valid list in format f,
// to dst, each as its bytes. Entries does the same for a dictionary.
func Elements(dst [][]byte, f msg.Format, list []byte) [][]byte { panic("not yet") }

// Entries calls yield for each entry of dict, one complete valid dictionary in
// format f.
func Entries(f msg.Format, dict []byte, yield func(key string, value []byte) bool) { panic("not yet") }

// AppendList appends a list of values that are serialized already, and
// AppendDict a dictionary.
func AppendList(dst []byte, f msg.Format, elements [][]byte) []byte { panic("not yet") }

// AppendDict appends a dictionary of entries whose values are serialized in
// format f already.
func AppendDict(dst []byte, f msg.Format, keys []string, values [][]byte) []byte { panic("not yet") }
