package wamp

import (
	"fmt"
	"math"
	"time"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
)

// optionConfig is what the options of any operation add up to.
type optionConfig struct {
	options msg.Options
	extra   msg.Extra
	custom  []custom
}

// custom is an option by name.
type custom struct {
	name  string
	value any
}

func (o custom) applyCall(c *callConfig)           { c.setCustom(o) }
func (o custom) applyPublish(c *publishConfig)     { (*sendConfig)(c).setCustom(o) }
func (o custom) applyRegister(c *registerConfig)   { c.setCustom(o) }
func (o custom) applySubscribe(c *subscribeConfig) { c.setCustom(o) }

// setCustom sets an option by name; the last of a name wins.
func (c *optionConfig) setCustom(o custom) {
	for i := range c.custom {
		if c.custom[i].name == o.name {
			c.custom[i] = o
			return
		}
	}
	c.custom = append(c.custom, o)
}

// finish serializes the custom options and returns the options to send, which
// refer to c.
func (c *optionConfig) finish(f msg.Format) (msg.Options, error) {
	for _, o := range c.custom {
		value, err := codec.Marshal(nil, f, o.value)
		if err != nil {
			return msg.Options{}, fmt.Errorf("option %s: %w", o.name, err)
		}
		c.extra.Fields = append(c.extra.Fields, msg.Field{Name: o.name, Format: f, Value: value})
	}
	if len(c.extra.Fields) > 0 {
		c.options.Set |= msg.KeyFields
	}
	c.options.X = &c.extra
	return c.options, nil
}

// sendConfig is the options that calls and publications share.
type sendConfig struct {
	optionConfig
	payload   Payload
	partition bool
}

type callConfig struct {
	sendConfig
	mode       CancelMode
	timeout    time.Duration
	timeoutSet bool
	progress   func(*incoming) error
}

type publishConfig sendConfig

// handlerConfig is the options that registrations and subscriptions share.
type handlerConfig struct {
	optionConfig
	match       MatchPolicy
	matchSet    bool
	concurrency int
	queue       int
	overflow    Overflow
	overflowSet bool
	errors      *errorTable // of the registry that the handler comes from
}

type (
	registerConfig  struct{ handlerConfig }
	subscribeConfig struct{ handlerConfig }
)

// Limits of handlers that no option changes.
const (
	defaultConcurrency = 1024
	defaultQueue       = 1024
)

// checkLimits replaces limits that are not set.
func (c *handlerConfig) checkLimits(concurrency int) error {
	switch {
	case c.concurrency < 0 || c.concurrency > math.MaxInt32:
		return fmt.Errorf("concurrency of %d: at least 1 is needed", c.concurrency)
	case c.queue < 0:
		return fmt.Errorf("queue of %d: at least 1 is needed", c.queue)
	}
	if c.concurrency == 0 {
		c.concurrency = concurrency
	}
	if c.queue == 0 {
		c.queue = defaultQueue
	}
	return nil
}

type (
	callFunc      func(*callConfig)
	publishFunc   func(*publishConfig)
	sendFunc      func(*sendConfig)
	registerFunc  func(*handlerConfig)
	subscribeFunc func(*handlerConfig)
	handlerFunc   func(*handlerConfig)
)

func (f callFunc) applyCall(c *callConfig)                { f(c) }
func (f publishFunc) applyPublish(c *publishConfig)       { f(c) }
func (f sendFunc) applyCall(c *callConfig)                { f(&c.sendConfig) }
func (f sendFunc) applyPublish(c *publishConfig)          { f((*sendConfig)(c)) }
func (f registerFunc) applyRegister(c *registerConfig)    { f(&c.handlerConfig) }
func (f subscribeFunc) applySubscribe(c *subscribeConfig) { f(&c.handlerConfig) }
func (f handlerFunc) applyRegister(c *registerConfig)     { f(&c.handlerConfig) }
func (f handlerFunc) applySubscribe(c *subscribeConfig)   { f(&c.handlerConfig) }
