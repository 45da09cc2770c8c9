package main

import (
	"cmp"
	"io"
	"sync"
)

// Windows in bytes, the same at both ends.
const (
	outputWindow  = 1 << 20
	channelWindow = 256 << 10
	chunkSize     = 64 << 10
)

// credit counts the bytes that the other side has room for; whoever wants to send waits until there is some.
type credit struct {
	mu           sync.Mutex
	more         *sync.Cond
	left, window int
	closed       bool
}

func newCredit(window int) *credit {
	c := &credit{left: window, window: window}
	c.more = sync.NewCond(&c.mu)
	return c
}

// take waits for room and takes at most `want` of it; nothing once closed.
func (c *credit) take(want int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.left == 0 && !c.closed {
		c.more.Wait()
	}
	if c.closed {
		return 0
	}
	taken := min(want, c.left)
	c.left -= taken
	return taken
}

// give adds room; more than the window was never taken, so the other side is broken then.
func (c *credit) give(bytes uint32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if int64(c.left)+int64(bytes) > int64(c.window) {
		return violation("credit of %d bytes over the window of %d", bytes, c.window)
	}
	c.left += int(bytes)
	c.more.Broadcast()
	return nil
}

func (c *credit) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.more.Broadcast()
}

// pump sends what a source has, as far as there is room, until the source ends, the room is closed or the stream is gone.
func pump(read func([]byte) (int, error), room *credit, send func([]byte) error) error {
	for buffer := make([]byte, chunkSize); ; {
		granted := room.take(len(buffer))
		if granted == 0 {
			return io.ErrClosedPipe
		}
		n, err := read(buffer[:granted])
		room.give(uint32(granted - n))
		if n > 0 {
			err = cmp.Or(send(buffer[:n]), err)
		}
		if err != nil {
			return err
		}
	}
}
