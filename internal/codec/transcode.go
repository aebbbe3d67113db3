package codec

import "github.com/wampeter/wampeter/internal/msg"

// Transcode appends value, which is one complete valid value in format from,
// in format to (specification, section "Serializers"; what is lost on the way
// is a table in docs/serializers.md).
func Transcode(dst []byte, to, from msg.Format, value []byte) []byte { panic("not yet") }

// TranscodePayload returns p in format to, in memory of its own (p itself when
// it is in that format already).
func TranscodePayload(p msg.Payload, to msg.Format) msg.Payload { panic("not yet") }
