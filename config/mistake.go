package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Mistake is one thing that is wrong with a configuration.
type Mistake struct {
	Pos  Pos
	Path string // such as realms[0].name; "" when it is about the whole
	Text string // what is wrong, and what to do

	value bool // Text begins with what was said
}

// newMistake returns a mistake whose text begins with what was said if the format
// does with a verb for it.
func newMistake(pos Pos, path, format string, args ...any) *Mistake {
	value := strings.HasPrefix(format, "%s: ") || strings.HasPrefix(format, "%q: ")
	return &Mistake{Pos: pos, Path: path, Text: fmt.Sprintf(format, args...), value: value}
}

// Error returns the mistake as one line.
func (m *Mistake) Error() string {
	where := m.Pos.String()
	switch {
	case where == "" && m.Path == "":
		return m.Text
	case where == "":
		return m.Path + ": " + m.Text
	case m.Pos.Name != "" && m.value:
		return where + " " + m.Text // as it stands in the command line
	case m.Pos.Name != "" || m.Path == "":
		return where + ": " + m.Text
	}
	return where + ": " + m.Path + ": " + m.Text
}

// Mistakes are all that is wrong, in the order in which it was written.
type Mistakes []*Mistake

// Error returns a line for each mistake.
func (l Mistakes) Error() string {
	lines := make([]string, len(l))
	for i, m := range l {
		lines[i] = m.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find a single mistake.
func (l Mistakes) Unwrap() []error {
	list := make([]error, len(l))
	for i, m := range l {
		list[i] = m
	}
	return list
}

// Elsewhere reports whether all mistakes are in flags: then the command line is
// to be blamed, and no file.
func (l Mistakes) Elsewhere() bool {
	return !slices.ContainsFunc(l, func(m *Mistake) bool { return !strings.HasPrefix(m.Pos.Name, "--") })
}

// sorted returns the mistakes once each, in order.
func (l Mistakes) sorted() Mistakes {
	slices.SortStableFunc(l, func(a, b *Mistake) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	seen := make(map[string]bool)
	return slices.DeleteFunc(l, func(m *Mistake) bool {
		// What listeners and realms inherit is read with each of them.
		text := m.Pos.String() + "\n" + m.Text
		if m.Pos == (Pos{}) {
			text = m.Error()
		}
		defer func() { seen[text] = true }()
		return seen[text]
	})
}

// err returns the mistakes as an error, nil when there are none.
func (l Mistakes) err() error {
	if len(l) == 0 {
		return nil
	}
	return l.sorted()
}

// AsMistakes returns the mistakes that err consists of, nil when it is about
// something else.
func AsMistakes(err error) Mistakes {
	var l Mistakes
	errors.As(err, &l)
	return l
}

// nearest returns the one of words that text may have been meant to be, "" when
// none is like it.
func nearest(text string, words []string) string {
	best, least := "", 1+len(text)/4
	for _, w := range words {
		if d := distance(strings.ToLower(text), w, least); d <= least && (best == "" || d < least) {
			best, least = w, d
		}
	}
	return best
}

// distance returns how many letters have to be changed, added, left out or
// swapped with their neighbor to make b of a; a number beyond limit when it is
// beyond that.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit || len(a) > 64 {
		return limit + 1
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
