package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// byteSize is a number of bytes, written with or without a unit: 65536, 64KiB,
// 1.5MB. As a flag it implements pflag.Value.
type byteSize int64

var byteUnits = []struct {
	name string
	size byteSize
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	{"k", 1 << 10}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"T", 1 << 40},
	{"B", 1},
}

// Set parses text.
func (b *byteSize) Set(text string) error {
	number, unit := strings.TrimSpace(text), byteSize(1)
	for _, u := range byteUnits {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(rest), u.size
			break
		}
	}
	f, err := strconv.ParseFloat(number, 64)
	f *= float64(unit)
	if err != nil || !(f >= 0 && f < math.MaxInt64) {
		return fmt.Errorf("%q is no size: write it as in 65536, 64KiB or 16MiB", text)
	}
	*b = byteSize(f)
	return nil
}

// String returns the size with the largest unit that divides it.
func (b byteSize) String() string {
	for _, u := range []int{3, 2, 1, 0} {
		if unit := byteUnits[u]; b >= unit.size && b%unit.size == 0 {
			return strconv.FormatInt(int64(b/unit.size), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// Type names the kind of value in help texts.
func (b byteSize) Type() string { return "SIZE" }
