package codec

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/internal/msg"
)

// jsonValues are values with whether they are JSON to us.
var jsonValues = []struct {
	value string
	ok    bool
}{
	{`null`, true}, {`true`, true}, {`false`, true},
	{`nul`, false}, {`nulL`, false}, {`True`, false}, {`truefalse`, false}, {`NaN`, false}, {`Infinity`, false},
	{`undefined`, false},

	{`0`, true}, {`-0`, true}, {`-1`, true}, {`10`, true}, {`1.5`, true}, {`1e3`, true}, {`1E+3`, true}, {`1.25e-3`, true},
	{`123456789012345678901234567890`, true}, {`1e999`, true},
	{`01`, false}, {`-01`, false}, {`+1`, false}, {`-`, false}, {`1.`, false}, {`.5`, false}, {`1e`, false}, {`1e+`, false},
	{`0x10`, false}, {`1_000`, false}, {`1.5.5`, false}, {`--1`, false}, {`1 2`, false},

	{`""`, true}, {`"a"`, true}, {`"\"\\\/\b\f\n\r\t"`, true}, {`"\u0000"`, true}, {`"\u00e9\uABCD\uabcd"`, true},
	{`"\ud83d\ude00"`, true}, {`"\uD83D\uDE00 and more text"`, true},
	{`"`, false}, {`"a`, false}, {`"\`, false}, {`"\"`, false}, {`"\x41"`, false}, {`"\u00"`, false}, {`"\u00zz"`, false},
	{`'a'`, false}, {`"\U00000041"`, false},
	{`"\ud83d"`, false}, {`"\ude00"`, false}, {`"\ud83d\u0041"`, false}, {`"\ud83d\ud83d"`, false}, {`"\ud83dx"`, false},
	{`"\ude00\ud83d"`, false},
	{"\"a\nb\"", false}, {"\"a\tb\"", false}, {"\"\x00\"", false}, {"\"\x1f\"", false}, {"\"\x7f\"", true},
	{"\"\x80\"", false}, {"\"\xc3\xa9\"", true}, {"\"\xc3\"", false}, {"\"\xed\xa0\x80\"", false}, {"\"\xf4\x90\x80\x80\"", false},
	{"\"\xc0\xaf\"", false}, {"\"\xf0\x9f\x98\x80\"", true},
	{"\"0123456789abcdef\xc3\xa9\"", true}, {"\"0123456789abcdef\xc3\x28\"", false}, {"\"\xc3\\n\xa9\"", false},
	{"\"01234567\n\"", false}, {"\"0123456\\n789\"", true}, {"\"01234567\x1e\"", false},

	{`[]`, true}, {`[ ]`, true}, {`[1,2]`, true}, {"[\t1 ,\r\n2 ]", true}, {`[1,]`, false}, {`[,1]`, false}, {`[1 2]`, false},
	{`[1`, false}, {`[`, false}, {`]`, false}, {`[1}`, false}, {`[[[]]]`, true}, {`[1,,2]`, false},
	{"[\v1]", false}, {"[\xa01]", false}, {"[\u00a01]", false},
	{`{}`, true}, {`{ }`, true}, {`{"a":1}`, true}, {`{"a" : 1 , "b":{}}`, true}, {`{"a":1,"a":2}`, true},
	{`{"a"}`, false}, {`{"a":}`, false}, {`{"a":1,}`, false}, {`{,}`, false}, {`{a:1}`, false}, {`{1:1}`, false}, {`{"a":1`, false},
	{`{"a" 1}`, false}, {`{"a":1]`, false}, {`{"a":1 "b":2}`, false}, {`{null:1}`, false}, {`{"a`, false}, {`{"a"`, false}, {`{`, false},
	{`// x`, false}, {`1 // x`, false}, {`/* x */ 1`, false},
}

func TestSkipJSON(t *testing.T) {
	for _, c := range jsonValues {
		// In a list, in a dictionary, as an option that nobody knows, and in an unknown option's list.
		for _, data := range []string{
			`[48,1,{},"p",[` + c.value + `]]`,
			`[48,1,{},"p",[0, ` + c.value + ` ,0]]`,
			`[48,1,{},"p",[{"k":` + c.value + `}]]`,
			`[48,1,{},"p",[],{"k":` + c.value + `}]`,
			`[48,1,{"k":` + c.value + `},"p"]`,
			`[48,1,{"k":[` + c.value + `],"l":0},"p"]`,
			`[1,"realm",{"k":` + c.value + `}]`,
		} {
			_, err := parse(t, msg.JSON, []byte(data))
			if (err == nil) != c.ok {
				t.Errorf("%q: %v", data, err)
			}
		}
	}
}

func TestParseJSON(t *testing.T) {
	for _, c := range []struct{ data, want string }{
		{``, "ends within"},
		{`  `, "ends within"},
		{"\ufeff[70,1,{}]", "unexpected byte 0xef"},
		{" \t\r\n[ 70 , 1 , { } , [ ] ] \n", ""},
		{`[70,1,{}]x`, "1 bytes follow"},
		{`[70,1,{}][]`, "2 bytes follow"},
		{`[70,1,{}],`, "1 bytes follow"},
		{`[70,1,{}`, "ends within"},
		{`[70,1,{},]`, "unexpected byte 0x5d"},
		{`[,70,1,{}]`, "unexpected byte 0x2c"},
		{`[70 1,{}]`, "unexpected byte 0x31"},
		{`[70,1,{}}`, "unexpected byte 0x7d"},
		{`{70,1,{}]`, "no list"},
		{`[70,1.0,{}]`, "request is no integer"},
		{`[70,1e3,{}]`, "request is no integer"},
		{`[70,1E0,{}]`, "request is no integer"},
		{`[7e1,1,{}]`, "type is no integer"},
		{`[70,1,{},[],{"k":01}]`, "unexpected byte 0x31"},
		{`[70,-0,{}]`, "request 0"},
		{`[70,18446744073709551615,{}]`, "request 18446744073709551615"},
		{`[70,18446744073709551616,{}]`, "request is no integer"},
		{`[70,184467440737095516160000,{}]`, "request is no integer"},
		{`[70,-9223372036854775809,{}]`, "request is no integer"},
		{`[70,1,{"progress" true}]`, "unexpected byte 0x74"},
		{`[70,1,{"progress":true,}]`, "unexpected byte 0x7d"},
		{`[70,1,{1:true}]`, "key at offset 7 is no string"},
		{`[70,1,{"\u0070rogress":1}]`, "progress is not true or false"},
		{`[70,1,{"progress":true,"\u0070rogress":true}]`, "progress is given twice"},
		{`[48,1,{},"a` + "\x00" + `b"]`, "unexpected byte 0x00"},
		{`[48,1,{},"` + "\xff" + `"]`, "is not UTF-8"},
		{`[48,1,{},"\ud800"]`, "invalid escape"},
	} {
		_, err := parse(t, msg.JSON, []byte(c.data))
		wantError(t, c.data, err, c.want)
	}
}

// TestJSONString moves what a string ends with, or breaks at, over all
// positions within the words that are read at once.
func TestJSONString(t *testing.T) {
	for n := range 40 {
		for _, rest := range []struct {
			s  string
			ok bool
		}{
			{`"`, true}, {`\n"`, true}, {`\u0041"`, true}, {"é\"", true}, {"\x7f\"", true},
			{"\n\"", false}, {"\x00\"", false}, {"\xff\"", false}, {"\xa0\"", false}, {``, false}, {`\`, false}, {`\u00`, false},
		} {
			for _, lead := range []string{"x", "é", "!", "~"} {
				s := `"` + strings.Repeat(lead, n) + rest.s
				end, _, err := jsonString([]byte(s+` more text behind`), 0)
				if rest.s == "" || strings.HasSuffix(rest.s, `\`) || strings.HasSuffix(rest.s, "00") {
					_, _, err = jsonString([]byte(s), 0)
				}
				if (err == nil) != rest.ok || rest.ok && end != len(s) {
					t.Errorf("%q: %d, %v", s, end, err)
				}
			}
		}
	}
}

func TestAppendJSONString(t *testing.T) {
	for _, s := range []string{"", "a", "a\"b\\c/d", "\x00\x01\b\f\n\r\t\x1f\x7f", "é😀\u2028", strings.Repeat("x\"", 20)} {
		got := appendJSONString(nil, []byte(s))
		var back string
		if err := json.Unmarshal(got, &back); err != nil || back != s {
			t.Errorf("%q: %s: %q, %v", s, got, back, err)
		}
		if end, _, err := jsonString(got, 0); err != nil || end != len(got) {
			t.Errorf("%s: %d, %v", got, end, err)
		}
	}
}
