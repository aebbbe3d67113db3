package cli

import (
	"bytes"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
)

// table prints rows under their headings, in aligned columns.
func (p *printer) table(headings []string, rows [][]string) error {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{headings}, rows...) {
		// A buffer takes everything.
		_, _ = w.Write([]byte(strings.Join(row, "\t") + "\n"))
	}
	_ = w.Flush()
	return p.write(b.Bytes())
}

// cell makes text that others have chosen fit for a table: what is empty, or
// has space in it or what a terminal would act on, is quoted.
func cell(text string) string {
	odd := func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == '"' }
	if text == "" || strings.ContainsFunc(text, odd) {
		return strconv.Quote(text)
	}
	return text
}
