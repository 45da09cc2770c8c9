package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

const (
	maxPayload = 128 << 10
	// version is the newest version of the tether that this shim speaks, oldest the oldest: the worker chooses one of them in HELLO.
	version, oldest = 1, 1
)

type frameType byte

// First those to the shim, then those from it, then those of channels, both ways.
const (
	frameHello, frameJob, frameFiles, frameSignal, framePing         frameType = 0x01, 0x02, 0x03, 0x04, 0x05
	frameReady, frameOut, frameErr, frameExit, framePong, frameFault frameType = 0x10, 0x11, 0x12, 0x13, 0x14, 0x15
	frameOpen, frameData, frameClose, frameCredit, frameAck          frameType = 0x20, 0x21, 0x22, 0x23, 0x24
)

// sizes holds every known type with the shortest and the longest payload that it may have, in bytes.
var sizes = map[frameType][2]uint32{
	frameHello: {2, 4 << 10}, frameJob: {2, maxPayload}, frameFiles: {0, maxPayload}, frameSignal: {1, 1}, framePing: {0, 8},
	frameReady: {2, 4 << 10}, frameOut: {1, maxPayload}, frameErr: {1, maxPayload}, frameExit: {2, 4 << 10}, framePong: {0, 8},
	frameFault: {2, 4 << 10}, frameOpen: {0, 0}, frameData: {1, maxPayload}, frameClose: {1, 1}, frameCredit: {4, 4}, frameAck: {4, 4},
}

// header begins each frame, both ways, big-endian; as many bytes of payload as it says follow.
type header struct {
	Kind                      frameType
	Channel, Sequence, Length uint32
}

type frame struct {
	header
	payload []byte
}

// number is the payload of CREDIT and ACK, whose sizes were checked when they were read.
func (f frame) number() uint32 { return binary.BigEndian.Uint32(f.payload) }

// fault ends a session: `protocol` and `version` are the peer's doing, any other code says why a job could not be started.
type fault struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (f fault) Error() string { return f.Message }

func violation(format string, arguments ...any) error {
	return fault{"protocol", fmt.Sprintf(format, arguments...)}
}

// readFrame reads one frame; io.EOF only between frames. A stream that ends inside one was cut (io.ErrUnexpectedEOF), which is
// nothing that the worker did. Nothing is stored for a length that its type may not have.
func readFrame(r io.Reader) (f frame, err error) {
	if err = binary.Read(r, binary.BigEndian, &f.header); err != nil {
		return f, err
	}
	if size, known := sizes[f.Kind]; !known || f.Length < size[0] || f.Length > size[1] {
		return f, violation("frame type 0x%02x with %d bytes", byte(f.Kind), f.Length)
	}
	f.payload = make([]byte, f.Length)
	if _, err = io.ReadFull(r, f.payload); err == io.EOF {
		return f, io.ErrUnexpectedEOF
	} else if err != nil {
		return f, err
	}
	return f, nil
}

// appendFrame encodes a frame at the end of a buffer.
func appendFrame(buffer []byte, kind frameType, channel, sequence uint32, payload []byte) []byte {
	buffer, _ = binary.Append(buffer, binary.BigEndian, header{kind, channel, sequence, uint32(len(payload))})
	return append(buffer, payload...)
}

// stream is the worker's end of the tether as the shim sees it: numbered frames in, numbered frames out.
type stream struct {
	in             *bufio.Reader
	out            io.Writer
	mu             sync.Mutex
	buffer         []byte
	sent, received uint32
}

// send writes one frame. Go's mutex hands over in turn under contention, so no channel starves another.
func (s *stream) send(kind frameType, channel uint32, payload []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent++
	s.buffer = appendFrame(s.buffer[:0], kind, channel, s.sent, payload)
	_, err := s.out.Write(s.buffer)
	return err
}

func (s *stream) sendJSON(kind frameType, value any) error {
	payload, _ := json.Marshal(value) // only what is made here: nothing that JSON has not
	return s.send(kind, 0, payload)
}

func (s *stream) sendNumber(kind frameType, channel, number uint32) error {
	return s.send(kind, channel, binary.BigEndian.AppendUint32(nil, number))
}

// receive reads the next frame and checks its place in the sequence.
func (s *stream) receive() (frame, error) {
	f, err := readFrame(s.in)
	if err == nil && f.Sequence != s.received+1 {
		err = violation("frame %d came after frame %d", f.Sequence, s.received)
	}
	s.received = f.Sequence
	return f, err
}
