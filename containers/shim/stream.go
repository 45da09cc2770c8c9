package main

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// ackEvery is how many frames are received between two acknowledgements; they let a cut stream be resumed one day.
const ackEvery = 128

// stream is the worker's end of the tether as the shim sees it: numbered frames in, numbered frames out.
type stream struct {
	in       io.Reader
	out      io.Writer
	mu       sync.Mutex
	sequence uint32
	buffer   []byte
	received uint32
	heard    atomic.Int64
	payload  [maxPayload]byte
}

func newStream(in io.Reader, out io.Writer) *stream {
	s := &stream{in: in, out: out}
	s.heard.Store(time.Now().UnixNano())
	return s
}

// send writes one frame. Go's mutex hands over in turn under contention, so no channel starves another.
func (s *stream) send(kind frameType, channel uint32, payload []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sequence++
	s.buffer = appendFrame(s.buffer[:0], frame{kind, channel, s.sequence, payload})
	_, err := s.out.Write(s.buffer)
	return err
}

func (s *stream) sendJSON(kind frameType, value any) error {
	payload, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return s.send(kind, 0, payload)
}

func (s *stream) sendNumber(kind frameType, channel, number uint32) error {
	return s.send(kind, channel, binary.BigEndian.AppendUint32(nil, number))
}

// receive reads the next frame, checks its place in the sequence and acknowledges now and then.
func (s *stream) receive() (frame, error) {
	f, err := readFrame(s.in, s.payload[:])
	if err != nil {
		return f, err
	}
	s.heard.Store(time.Now().UnixNano())
	if f.sequence != s.received+1 {
		return f, violation("frame %d came after frame %d", f.sequence, s.received)
	}
	s.received = f.sequence
	if s.received%ackEvery == 0 {
		return f, s.sendNumber(frameAck, 0, s.received)
	}
	return f, nil
}

// silence is how long nothing was heard from the worker.
func (s *stream) silence() time.Duration { return time.Since(time.Unix(0, s.heard.Load())) }
