package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// Kinds of flags beyond those of pflag. Each is a pflag.Value.

// choice is a flag that takes one of a few words.
type choice[T any] struct {
	words  []string
	values []T
	chosen int // index and 1; 0: not given
}

func (c *choice[T]) String() string {
	if c.chosen == 0 {
		return ""
	}
	return c.words[c.chosen-1]
}

// Set chooses.
func (c *choice[T]) Set(word string) error {
	i := slices.Index(c.words, word)
	if i < 0 {
		last := len(c.words) - 1
		return fmt.Errorf("want %s or %s", strings.Join(c.words[:last], ", "), c.words[last])
	}
	c.chosen = i + 1
	return nil
}

// Type names the value in help texts.
func (c *choice[T]) Type() string { return "string" }

// value returns what was chosen; false when the flag was not given.
func (c *choice[T]) value() (v T, ok bool) {
	if c.chosen == 0 {
		return v, false
	}
	return c.values[c.chosen-1], true
}

// add defines the flag, and what the shell completes it with.
func (c *choice[T]) add(cmd *cobra.Command, name, usage string) {
	cmd.Flags().Var(c, name, usage)
	complete(cmd, name, c.words...)
}

// key is a flag that takes a partition key: an integer, or a text.
type key struct {
	given   bool
	integer bool
	number  int64
	text    string
}

func (k *key) String() string {
	if k.integer {
		return strconv.FormatInt(k.number, 10)
	}
	return k.text
}

// Set takes an integer for one, and everything else for text; "7" with the
// quotes is text, too.
func (k *key) Set(text string) error {
	*k = key{given: true, text: text}
	if n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil {
		k.integer, k.number = true, n
		return nil
	}
	var unquoted string
	if json.Unmarshal([]byte(text), &unquoted) == nil {
		k.text = unquoted
	}
	return nil
}

// Type names the value in help texts.
func (k *key) Type() string { return "KEY" }

// keyOption makes the option that a key stands for, from a function for each
// of its types.
func keyOption[O any](k *key, integer func(int64) O, text func(string) O) O {
	if k.integer {
		return integer(k.number)
	}
	return text(k.text)
}

// idList is a flag that takes IDs, separated by commas, and may be repeated.
// Given with nothing it is a list of none.
type idList struct {
	given bool
	ids   []uint64
}

func (l *idList) String() string {
	words := make([]string, len(l.ids))
	for i, id := range l.ids {
		words[i] = strconv.FormatUint(id, 10)
	}
	return strings.Join(words, ",")
}

// Set adds IDs.
func (l *idList) Set(text string) error {
	l.given = true
	if text == "" {
		return nil
	}
	for word := range strings.SplitSeq(text, ",") {
		id, err := parseID(strings.TrimSpace(word))
		if err != nil {
			return err
		}
		l.ids = append(l.ids, id)
	}
	return nil
}

// Type names the value in help texts.
func (l *idList) Type() string { return "ids" }

// maxID is the largest ID of the protocol.
const maxID = 1 << 53

func parseID(text string) (uint64, error) {
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil || id == 0 || id > maxID {
		return 0, errors.New("want IDs, which are numbers from 1 to 2^53")
	}
	return id, nil
}
