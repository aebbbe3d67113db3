package main

import (
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strings"
)

// The chart has a line for each row that has a relay: a mark for each wire at the
// ratio of Wampeter's cost to the relay's, a bar from the least to the greatest of
// a round, and a tick where the target is. Its axis is logarithmic.
const (
	chartLeft, chartRight = 330, 870
	chartTop, chartLine   = 64, 26
	chartLow, chartHigh   = 0.25, 8.0
)

// colours of the wires' marks, which differ in brightness too.
var colours = []string{"#1b6ca8", "#5aa9e6", "#9fd3ff", "#a8551b", "#e6985a", "#ffcf9f"}

func chartX(ratio float64) float64 {
	part := math.Log(min(max(ratio, chartLow), chartHigh)/chartLow) / math.Log(chartHigh/chartLow)
	return chartLeft + part*(chartRight-chartLeft)
}

// writeChart draws the lines of the selected rows.
func writeChart(w io.Writer, selected []row, res result) error {
	var wires []string
	shown := slices.DeleteFunc(slices.Clone(selected), func(r row) bool {
		return !slices.ContainsFunc(res.Lines, func(l line) bool { return l.Row == r.name && ours(l) })
	})
	for _, l := range res.Lines {
		if ours(l) && !slices.Contains(wires, l.Wire) {
			wires = append(wires, l.Wire)
		}
	}
	var b strings.Builder
	height := chartTop + chartLine*len(shown) + 20
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 %d" font-family="sans-serif" font-size="13">`+"\n", height)
	fmt.Fprintf(&b, `<rect width="900" height="%d" fill="white"/>`+"\n", height)
	fmt.Fprintf(&b, `<text x="20" y="24" font-size="16">Wampeter's cost × that of a relay that parses nothing</text>`+"\n")
	for i, wire := range wires {
		x := 20 + 120*i
		fmt.Fprintf(&b, `<circle cx="%d" cy="40" r="5" fill="%s"/><text x="%d" y="44">%s</text>`+"\n", x, colours[i%len(colours)], x+10, html.EscapeString(wire))
	}
	for _, ratio := range []float64{0.25, 0.5, 1, 2, 4, 8} {
		x := chartX(ratio)
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle" fill="#666">%g</text>`+"\n",
			x, chartTop-8, x, height-20, x, height-5, ratio)
	}
	for i, r := range shown {
		y := chartTop + chartLine*i + chartLine/2
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", chartLeft-14, y+4, html.EscapeString(r.title))
		for _, l := range res.Lines {
			if l.Row != r.name || !ours(l) {
				continue
			}
			n := slices.Index(wires, l.Wire)
			at := float64(y) + float64(n)*2.5 - 1.25*float64(len(wires)-1)
			fmt.Fprintf(&b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%[5]s" stroke-width="2"/><circle cx="%.1[6]f" cy="%.1[2]f" r="4" fill="%[5]s"/>`+"\n",
				chartX(l.ToRelay.Min), at, chartX(l.ToRelay.Max), at, colours[n%len(colours)], chartX(l.ToRelay.Median))
		}
		for _, target := range []float64{r.toRelay, r.toRelayJSON} {
			if target > 0 {
				fmt.Fprintf(&b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#c00" stroke-width="2"/>`+"\n", chartX(target), y-10, chartX(target), y+10)
			}
		}
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// ours reports whether l is a line of Wampeter's that has a ratio to the relay.
func ours(l line) bool { return l.System == "wampeter" && l.ToRelay.Rounds > 0 }
