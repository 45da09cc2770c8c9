package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The tether's frames: type u8 | channel u32 | sequence u32 | length u32 | payload, big-endian, both ways.
const (
	headerSize = 13
	maxPayload = 128 << 10
	version    = 1
)

type frameType byte

const (
	frameHello  frameType = 0x01
	frameJob    frameType = 0x02
	frameFiles  frameType = 0x03
	frameSignal frameType = 0x04
	framePing   frameType = 0x05
	frameReady  frameType = 0x10
	frameOut    frameType = 0x11
	frameErr    frameType = 0x12
	frameExit   frameType = 0x13
	framePong   frameType = 0x14
	frameFault  frameType = 0x15
	frameOpen   frameType = 0x20
	frameData   frameType = 0x21
	frameClose  frameType = 0x22
	frameCredit frameType = 0x23
	frameAck    frameType = 0x24
)

// limits holds every known type with the longest payload that it may have.
var limits = map[frameType]uint32{
	frameHello: 4 << 10, frameJob: maxPayload, frameFiles: maxPayload, frameSignal: 16, framePing: 8,
	frameReady: 4 << 10, frameOut: maxPayload, frameErr: maxPayload, frameExit: 4 << 10, framePong: 8, frameFault: 4 << 10,
	frameOpen: 0, frameData: maxPayload, frameClose: 1, frameCredit: 4, frameAck: 4,
}

type frame struct {
	kind     frameType
	channel  uint32
	sequence uint32
	payload  []byte
}

// protocolError is what only a broken or hostile peer causes: it ends the session.
type protocolError struct{ reason string }

func (e protocolError) Error() string { return e.reason }

func violation(format string, arguments ...any) error {
	return protocolError{fmt.Sprintf(format, arguments...)}
}

// checkHeader tells what is wrong with a header, before anything is read or stored for it.
func checkHeader(kind frameType, length uint32) error {
	limit, known := limits[kind]
	if !known {
		return violation("unknown frame type 0x%02x", byte(kind))
	}
	if length > limit {
		return violation("frame type 0x%02x with %d bytes, at most %d", byte(kind), length, limit)
	}
	return nil
}

// readFrame reads one frame; io.EOF only between frames. The payload is valid until the buffer is used again.
func readFrame(r io.Reader, buffer []byte) (frame, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return frame{}, violation("stream ended inside a header")
		}
		return frame{}, err
	}
	f := frame{
		kind:     frameType(header[0]),
		channel:  binary.BigEndian.Uint32(header[1:]),
		sequence: binary.BigEndian.Uint32(header[5:]),
	}
	length := binary.BigEndian.Uint32(header[9:])
	if err := checkHeader(f.kind, length); err != nil {
		return frame{}, err
	}
	f.payload = buffer[:length]
	if _, err := io.ReadFull(r, f.payload); err != nil {
		return frame{}, violation("stream ended inside a frame")
	}
	return f, nil
}

// appendFrame encodes a frame at the end of a buffer.
func appendFrame(buffer []byte, f frame) []byte {
	buffer = append(buffer, byte(f.kind))
	buffer = binary.BigEndian.AppendUint32(buffer, f.channel)
	buffer = binary.BigEndian.AppendUint32(buffer, f.sequence)
	buffer = binary.BigEndian.AppendUint32(buffer, uint32(len(f.payload)))
	return append(buffer, f.payload...)
}
