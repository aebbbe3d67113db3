package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestChart(t *testing.T) {
	res := result{Lines: []line{
		{Row: "call", System: "wampeter", Wire: "raw/cbor", ToRelay: spread{1.1, 0.9, 1.3, 5}},
		{Row: "call", System: "wampeter", Wire: "ws/json", ToRelay: spread{20, 20, 20, 1}},
		{Row: "call", System: "nats", Wire: "own", ToRelay: spread{9, 9, 9, 1}},
		{Row: "idle-tls", System: "wampeter", Wire: "raw/cbor"},
	}}
	var b bytes.Buffer
	if err := writeChart(&b, rows, res); err != nil {
		t.Fatal(err)
	}
	marks, texts := 0, ""
	for d := xml.NewDecoder(&b); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Local == "circle" {
				marks++
			}
		case xml.CharData:
			texts += string(token)
		}
	}
	if marks != 4 || !strings.Contains(texts, "one call at a time") || strings.Contains(texts, "TLS") {
		t.Errorf("%d marks, texts %q", marks, texts)
	}
	for _, ratio := range []float64{0, 0.25, 8, 1000} {
		if x := chartX(ratio); x < chartLeft || x > chartRight {
			t.Errorf("ratio %g stands at %g", ratio, x)
		}
	}
}
