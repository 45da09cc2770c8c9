package main

import (
	"io"
	"net"
	"sync"
)

// Channels 1 and 2 are the job's outputs; connections to the gate begin at 3.
const (
	channelOut      = 1
	channelErr      = 2
	firstConnection = 3
	outputWindow    = 1 << 20
	channelWindow   = 256 << 10
	chunkSize       = 32 << 10
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

// channel is one connection: what the worker sends waits in a bounded queue, so a slow job never blocks the stream.
type channel struct {
	id     uint32
	conn   *net.TCPConn
	room   *credit
	mu     sync.Mutex
	some   *sync.Cond
	queue  [][]byte
	queued int
	ended  bool
	dead   bool
}

func newTunnel(s *stream) *tunnel {
	return &tunnel{stream: s, next: firstConnection, channels: map[uint32]*channel{}}
}

// serve accepts until the listener is closed.
func (t *tunnel) serve(listener *net.TCPListener) {
	for {
		conn, err := listener.AcceptTCP()
		if err != nil {
			return
		}
		t.mu.Lock()
		if len(t.channels) >= maxConnections {
			t.mu.Unlock()
			conn.Close()
			continue
		}
		c := &channel{id: t.next, conn: conn, room: newCredit(channelWindow)}
		c.some = sync.NewCond(&c.mu)
		t.channels[c.id] = c
		t.next++
		// Sent under the lock, so that channels open in the order of their numbers.
		err = t.stream.send(frameOpen, c.id, nil)
		t.mu.Unlock()
		if err != nil {
			return
		}
		go t.carry(c)
	}
}

// carry moves bytes both ways until both directions have ended, then forgets the channel.
func (t *tunnel) carry(c *channel) {
	written := make(chan struct{})
	go func() {
		defer close(written)
		t.toJob(c)
	}()
	t.fromJob(c)
	<-written
	c.conn.Close()
	t.mu.Lock()
	delete(t.channels, c.id)
	t.mu.Unlock()
}

func (t *tunnel) fromJob(c *channel) {
	buffer := make([]byte, chunkSize)
	for {
		n, err := c.conn.Read(buffer)
		for rest := buffer[:n]; len(rest) > 0; {
			taken, open := c.room.take(len(rest))
			if !open || t.stream.send(frameData, c.id, rest[:taken]) != nil {
				return
			}
			rest = rest[taken:]
		}
		if err != nil {
			how := byte(closeEnd)
			if err != io.EOF {
				how = closeReset
				c.reset()
			}
			t.stream.send(frameClose, c.id, []byte{how})
			return
		}
	}
}

func (t *tunnel) toJob(c *channel) {
	for {
		c.mu.Lock()
		for len(c.queue) == 0 && !c.ended && !c.dead {
			c.some.Wait()
		}
		if c.dead {
			c.mu.Unlock()
			return
		}
		if len(c.queue) == 0 {
			c.mu.Unlock()
			c.conn.CloseWrite()
			return
		}
		chunk := c.queue[0]
		c.queue = c.queue[1:]
		c.queued -= len(chunk)
		c.mu.Unlock()
		if _, err := c.conn.Write(chunk); err != nil {
			c.reset()
			t.stream.send(frameClose, c.id, []byte{closeReset})
			return
		}
		t.stream.sendNumber(frameCredit, c.id, uint32(len(chunk)))
	}
}

// reset ends both directions at once.
func (c *channel) reset() {
	c.mu.Lock()
	c.dead = true
	c.queue = nil
	c.some.Broadcast()
	c.mu.Unlock()
	c.room.close()
	c.conn.SetLinger(0)
	c.conn.Close()
}

// handle takes a frame of a connection's channel. One that is already over here is unknown, and no error.
func (t *tunnel) handle(f frame) error {
	t.mu.Lock()
	c, next := t.channels[f.channel], t.next
	t.mu.Unlock()
	if f.channel < firstConnection || f.channel >= next {
		return violation("channel %d was never opened", f.channel)
	}
	if c == nil {
		return nil
	}
	switch f.kind {
	case frameCredit:
		return c.room.give(int(number(f.payload)))
	case frameClose:
		if len(f.payload) == 1 && f.payload[0] == closeReset {
			c.reset()
			return nil
		}
		c.mu.Lock()
		c.ended = true
		c.some.Broadcast()
		c.mu.Unlock()
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return nil
	}
	if c.ended || c.queued+len(f.payload) > channelWindow {
		return violation("channel %d got more than it has room for", c.id)
	}
	c.queue = append(c.queue, append([]byte(nil), f.payload...))
	c.queued += len(f.payload)
	c.some.Broadcast()
	return nil
}
