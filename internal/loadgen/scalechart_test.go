package loadgen

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestChart(t *testing.T) {
	r := &Report{Steps: []Step{
		{Sessions: 10, Items: 10, Join: 90, Publish: 2, Call: 3.5, Subscribe: 5, Register: 6, Leave: 40},
		{Sessions: 100, Items: 100, Join: 95, Publish: 2.1, Call: 3.6, Subscribe: 5, Register: 6},
	}}
	var b bytes.Buffer
	if err := r.WriteChart(&b); err != nil {
		t.Fatal(err)
	}
	points := 0
	for d := xml.NewDecoder(bytes.NewReader(b.Bytes())); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := token.(xml.StartElement); ok && s.Name.Local == "circle" {
			points++
		}
	}
	if text := b.String(); points != 11 || strings.Contains(text, "NaN") || strings.Contains(text, "Inf") || !strings.Contains(text, "subscribe") {
		t.Errorf("%d points in %s", points, text)
	}
	if (&Report{}).WriteChart(&b) == nil {
		t.Error("a chart of nothing")
	}
}
