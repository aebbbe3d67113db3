package cli

import "bytes"

// style is the SGR parameter of a color on terminals.
type style string

const (
	styleName    style = "34" // keys and topics: blue
	styleText    style = "32" // green
	styleNumber  style = "36" // cyan
	styleLiteral style = "35" // true, false, null: magenta
)

// style colors s, when the output has colors.
func (p *printer) style(s style, text string) string {
	if !p.color || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// paint colors JSON, which has to be valid, when the output has colors.
func (p *printer) paint(text []byte) []byte {
	if !p.color {
		return text
	}
	var b bytes.Buffer
	for len(text) > 0 {
		n := token(text)
		word, rest := string(text[:n]), text[n:]
		switch c := word[0]; {
		case c == '"' && bytes.HasPrefix(rest, []byte(":")):
			word = p.style(styleName, word)
		case c == '"':
			word = p.style(styleText, word)
		case c == '-' || c >= '0' && c <= '9':
			word = p.style(styleNumber, word)
		case c >= 'a' && c <= 'z':
			word = p.style(styleLiteral, word)
		}
		b.WriteString(word)
		text = rest
	}
	return b.Bytes()
}

// token returns the length of the first token of JSON: a string, a number or a
// literal, or one byte of what is between them.
func token(text []byte) int {
	switch c := text[0]; {
	case c == '"':
		for i := 1; i < len(text); i++ {
			switch text[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
		return len(text)
	case bytes.IndexByte([]byte("{}[]:, \t\r\n"), c) >= 0:
		return 1
	}
	if n := bytes.IndexAny(text, "{}[]:, \t\r\n"); n > 0 {
		return n
	}
	return len(text)
}
