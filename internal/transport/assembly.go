package transport

// Assembly is a message that is collected in memory of its own, since it is
// large or comes in fragments. The memory grows as data arrives, never by what
// the peer announces, and counts against a Budget while the message is partial.
// The zero Assembly is empty and ready to use after Init.
type Assembly struct {
	budget  *Budget
	block   *Block // of buf; nil while that is empty
	buf     []byte
	missing int // bytes that were announced and have not arrived
	charged int
}

// The memory of an Assembly begins with what was announced, within these
// bounds, and grows by a factor: what has arrived is copied a third of a time
// on average, and a peer that sends nothing holds a quarter of what it could.
const (
	minAssembly  = 512
	maxAssembly  = 64 << 10
	growAssembly = 4
)

// ErrNoMemory says that partly received messages take all the memory that they
// may take in this process.
var ErrNoMemory = &Error{Code: 1009, Text: "too many large messages are being received at the same time"}

// Init sets the budget that a counts against, which may be nil.
func (a *Assembly) Init(budget *Budget) { a.budget = budget }

// Len returns the number of bytes that have arrived.
func (a *Assembly) Len() int { return len(a.buf) }

// Missing returns the number of bytes that were announced and have not arrived.
func (a *Assembly) Missing() int { return a.missing }

// Expect announces n bytes more.
func (a *Assembly) Expect(n int) { a.missing += n }

// Room returns memory for bytes to come, at most those that are missing. It is
// empty when nothing is missing. The error is ErrNoMemory.
func (a *Assembly) Room() ([]byte, error) {
	if a.missing == 0 {
		return nil, nil
	}
	if len(a.buf) == cap(a.buf) {
		total := len(a.buf) + a.missing
		size := min(total, max(growAssembly*cap(a.buf), min(a.missing, maxAssembly), minAssembly))
		if _, room := blockClass(size); !a.budget.Take(room - a.charged) {
			return nil, ErrNoMemory
		}
		grown := getBlock(size)
		a.charged = len(grown.buf)
		a.buf = grown.buf[:copy(grown.buf, a.buf)]
		a.block.Release()
		a.block = grown
	}
	return a.buf[len(a.buf):min(cap(a.buf), len(a.buf)+a.missing)], nil
}

// Filled says that the first n bytes of Room have arrived, and returns them.
func (a *Assembly) Filled(n int) []byte {
	start := len(a.buf)
	a.buf = a.buf[:start+n]
	a.missing -= n
	return a.buf[start:]
}

// Append copies from b what is missing and returns how much that was.
func (a *Assembly) Append(b []byte) (int, error) {
	used := 0
	for used < len(b) && a.missing > 0 {
		room, err := a.Room()
		if err != nil {
			return used, err
		}
		n := copy(room, b[used:])
		a.Filled(n)
		used += n
	}
	return used, nil
}

// Bytes returns what has arrived.
func (a *Assembly) Bytes() []byte { return a.buf }

// Block returns the memory that Bytes are in, nil while there are none.
func (a *Assembly) Block() *Block { return a.block }

// Reset forgets the message, whose bytes are those of others from now on unless
// somebody holds the Block, and gives back what it took from the budget.
func (a *Assembly) Reset() {
	a.budget.Give(a.charged)
	a.block.Release()
	a.block, a.buf, a.missing, a.charged = nil, nil, 0, 0
}
