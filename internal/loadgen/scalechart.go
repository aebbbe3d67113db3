package loadgen

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// The chart of a growing router has both axes logarithmic, the same length for a
// factor of ten: what grows as fast as the router rises by 45 degrees.
const (
	plotLeft, plotTop = 70, 50
	plotDecade        = 110
)

// WriteChart draws the costs of the steps as SVG. It fails for scenarios that have
// none.
func (r *Report) WriteChart(w io.Writer) error {
	if len(r.Steps) == 0 {
		return errors.New("only the scenario connections has a chart")
	}
	lines := []struct {
		name, colour string
		of           func(*Step) float64
	}{
		{"join", "#1b6ca8", func(s *Step) float64 { return s.Join }},
		{"leave", "#5aa9e6", func(s *Step) float64 { return s.Leave }},
		{"subscribe", "#2a7d2a", func(s *Step) float64 { return s.Subscribe }},
		{"register", "#83c383", func(s *Step) float64 { return s.Register }},
		{"call", "#a8551b", func(s *Step) float64 { return s.Call }},
		{"publish", "#e6985a", func(s *Step) float64 { return s.Publish }},
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, l := range lines {
		for i := range r.Steps {
			if v := l.of(&r.Steps[i]); v > 0 {
				low, high = min(low, math.Floor(math.Log10(v))), max(high, math.Ceil(math.Log10(v)))
			}
		}
	}
	high = max(high, low+1)
	first := math.Floor(math.Log10(float64(r.Steps[0].Items)))
	last := math.Ceil(math.Log10(float64(r.Steps[len(r.Steps)-1].Items)))
	last = max(last, first+1)
	x := func(n int) float64 { return plotLeft + plotDecade*(math.Log10(float64(n))-first) }
	y := func(v float64) float64 { return plotTop + plotDecade*(high-math.Log10(v)) }
	width, height := plotLeft+plotDecade*(last-first)+120, plotTop+plotDecade*(high-low)+50

	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" font-family="sans-serif" font-size="13">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%.0f" height="%.0f" fill="white"/><text x="20" y="24" font-size="16">Cost of operations as the router grows</text>`+"\n", width, height)
	for e := low; e <= high; e++ {
		at := y(math.Pow(10, e))
		fmt.Fprintf(&b, `<line x1="%d" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g µs</text>`+"\n",
			plotLeft, at, plotLeft+plotDecade*(last-first), at, plotLeft-8, at+4, math.Pow(10, e))
	}
	for e := first; e <= last; e++ {
		n := int(math.Round(math.Pow(10, e)))
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%.1f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="middle">%d</text>`+"\n",
			x(n), plotTop, x(n), y(math.Pow(10, low)), x(n), y(math.Pow(10, low))+18, n)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%.1f">subscriptions and registrations</text>`+"\n", plotLeft, y(math.Pow(10, low))+38)
	for n, l := range lines {
		var path strings.Builder
		for i := range r.Steps {
			s := &r.Steps[i]
			if v := l.of(s); v > 0 {
				fmt.Fprintf(&path, "%.1f,%.1f ", x(s.Items), y(v))
				fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x(s.Items), y(v), l.colour)
			}
		}
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.TrimSpace(path.String()), l.colour)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" fill="%s">%s</text>`+"\n", width-105, plotTop+18*n+10, l.colour, l.name)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}
