package main

import (
	"io"
	"net"
	"sync"
	"syscall"
)

// Channels 1 and 2 are the job's outputs; connections to the gate begin at 3.
const (
	channelOut      = 1
	firstConnection = 3
	maxConnections  = 1024

	closeEnd   = 0 // nothing more comes from this side
	closeReset = 1 // both sides are over
)

// tunnel carries the connections that the job opens to the gate.
type tunnel struct {
	stream   *stream
	mu       sync.Mutex
	next     uint32
	channels map[uint32]*channel
}

// channel is one connection: what the worker sends waits here, bounded by its window, so a slow job never blocks the stream.
type channel struct {
	id            uint32
	conn          *net.TCPConn
	room          *credit
	mu            sync.Mutex
	some          *sync.Cond
	granted, owed int // bytes that the worker may still send, and those that it may send again
	waiting       []byte
	writing       bool
	ended, over   bool
}

// open makes the next channel; nil when there are too many.
func (t *tunnel) open(conn *net.TCPConn) *channel {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.channels) >= maxConnections {
		return nil
	}
	c := &channel{id: t.next, conn: conn, room: newCredit(channelWindow), granted: channelWindow}
	c.some = sync.NewCond(&c.mu)
	t.channels[c.id] = c
	t.next++
	return c
}

// serve accepts until the listener is closed.
func (t *tunnel) serve(listener *net.TCPListener) {
	for {
		conn, err := listener.AcceptTCP()
		if err != nil {
			return
		}
		if c := t.open(conn); c == nil {
			conn.Close()
		} else if t.stream.send(frameOpen, c.id, nil) != nil {
			return
		} else {
			go t.carry(c)
		}
	}
}

// carry moves bytes both ways until both directions have ended, then forgets the channel.
func (t *tunnel) carry(c *channel) {
	written := make(chan struct{})
	go t.toJob(c, written)
	if pump(c.conn.Read, c.room, func(chunk []byte) error { return t.stream.send(frameData, c.id, chunk) }) == io.EOF {
		t.stream.send(frameClose, c.id, []byte{closeEnd})
	} else {
		c.reset()
	}
	<-written
	c.conn.Close()
	if c.over {
		// The worker may believe that it can still write; if the reset was its own, the channel is unknown to it by now.
		t.stream.send(frameClose, c.id, []byte{closeReset})
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.channels, c.id)
}

// toJob writes what waits until there is no more.
func (t *tunnel) toJob(c *channel, written chan<- struct{}) {
	defer close(written)
	for {
		c.mu.Lock()
		c.writing = false
		for len(c.waiting) == 0 && !c.ended && !c.over {
			c.some.Wait()
		}
		chunk, over := c.waiting, c.over
		c.waiting, c.writing = nil, true
		c.mu.Unlock()
		if over {
			return
		} else if len(chunk) == 0 {
			c.conn.CloseWrite()
			return
		} else if _, err := c.conn.Write(chunk); err != nil {
			c.reset()
			return
		}
		t.pay(c, len(chunk))
	}
}

// pay gives credit in pieces: a short exchange needs none, and three quarters of the window are open.
func (t *tunnel) pay(c *channel, written int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.owed += written; c.owed >= channelWindow/4 {
		c.granted += c.owed
		t.stream.sendNumber(frameCredit, c.id, uint32(c.owed))
		c.owed = 0
	}
}

// writeNow writes as much as the connection takes at once: waking another goroutine takes longer than a small answer does.
func (c *channel) writeNow(chunk []byte) (written int) {
	raw, _ := c.conn.SyscallConn()
	raw.Write(func(descriptor uintptr) bool {
		written, _ = syscall.Write(int(descriptor), chunk)
		return true
	})
	return max(written, 0)
}

// reset ends both directions at once.
func (c *channel) reset() {
	c.mu.Lock()
	c.over = true
	c.some.Broadcast()
	c.mu.Unlock()
	c.room.close()
	c.conn.SetLinger(0)
	c.conn.Close()
}

// handle takes a frame of a connection's channel. One that is already over here is unknown, and no error.
func (t *tunnel) handle(f frame) error {
	t.mu.Lock()
	c, next := t.channels[f.Channel], t.next
	t.mu.Unlock()
	if f.Channel < firstConnection || f.Channel >= next {
		return violation("channel %d was never opened", f.Channel)
	} else if c == nil {
		return nil
	} else if f.Kind == frameCredit {
		return c.room.give(f.number())
	} else if f.Kind == frameClose && f.payload[0] == closeReset {
		c.reset()
		return nil
	}
	written, err := c.take(f)
	t.pay(c, written)
	return err
}

// take takes DATA and the end from the worker, and says how many bytes the job has already.
func (c *channel) take(f frame) (written int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return 0, violation("channel %d goes on after its end", c.id)
	} else if f.Kind == frameClose {
		c.ended = true
	} else if c.granted -= len(f.payload); c.granted < 0 {
		return 0, violation("channel %d got more than it has room for", c.id)
	} else {
		if len(c.waiting) == 0 && !c.writing && !c.over {
			written = c.writeNow(f.payload)
		}
		c.waiting = append(c.waiting, f.payload[written:]...)
	}
	c.some.Broadcast()
	return written, nil
}
