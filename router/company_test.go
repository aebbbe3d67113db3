package router

import (
	"slices"
	"testing"
)

// TestCompany has a reader let others go first in each turn for as long as that
// spares writes, more and more rarely where it does not, and again in each turn
// from the first time that it does.
func TestCompany(t *testing.T) {
	var c company
	turns := func(spared bool, n int) (tried []int) {
		for i := range n {
			if c.due() {
				c.wait()
				c.note(spared)
				tried = append(tried, i)
			}
		}
		return tried
	}
	if got, want := turns(true, 4), []int{0, 1, 2, 3}; !slices.Equal(got, want) {
		t.Errorf("where it spares writes, it is tried in turns %v, want %v", got, want)
	}
	if got, want := turns(false, 250), []int{0, 2, 6, 14, 30, 62, 126, 190}; !slices.Equal(got, want) {
		t.Errorf("where it spares nothing, it is tried in turns %v, want %v", got, want)
	}
	for !c.due() {
	}
	c.note(true)
	if got, want := turns(true, 3), []int{0, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("when it has spared a write again, it is tried in turns %v, want %v", got, want)
	}
}
