package main

import "sync"

// credit counts the bytes that the other side has room for; whoever wants to send waits until there is some.
type credit struct {
	mu     sync.Mutex
	more   *sync.Cond
	left   int
	window int
	closed bool
}

func newCredit(window int) *credit {
	c := &credit{left: window, window: window}
	c.more = sync.NewCond(&c.mu)
	return c
}

// take waits for room and takes at most `want` of it; false once closed.
func (c *credit) take(want int) (int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.left == 0 && !c.closed {
		c.more.Wait()
	}
	if c.closed {
		return 0, false
	}
	taken := min(want, c.left)
	c.left -= taken
	return taken, true
}

// give adds room; more than the window was never taken, so the other side is broken then.
func (c *credit) give(bytes int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left+bytes > c.window {
		return violation("credit of %d bytes over the window of %d", c.left+bytes, c.window)
	}
	c.left += bytes
	c.more.Broadcast()
	return nil
}

func (c *credit) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.more.Broadcast()
}
