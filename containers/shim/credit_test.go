package main

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestCreditIsTakenAsFarAsThereIsRoom(t *testing.T) {
	c := newCredit(10)
	if first, second := c.take(7), c.take(7); first != 7 || second != 3 {
		t.Errorf("took %d, then %d", first, second)
	}
	taken := make(chan int)
	go func() { taken <- c.take(5) }()
	if err := c.give(2); err != nil || <-taken != 2 {
		t.Error("what was given is taken by who waits", err)
	}
	go func() { taken <- c.take(5) }()
	c.close()
	if got := <-taken; got != 0 {
		t.Errorf("took %d of what is closed", got)
	}
}

func TestMoreCreditThanTheWindowIsTheOtherSidesFault(t *testing.T) {
	for _, given := range []uint32{1, 1 << 31, 1<<32 - 1} {
		if err := newCredit(10).give(given); !errors.As(err, &fault{}) {
			t.Errorf("%d: %v", given, err)
		}
	}
}

func TestPumpStopsAtItsRoomAndLosesNothing(t *testing.T) {
	source, room := bytes.Repeat([]byte("0123456789"), 100), newCredit(64)
	reader := bytes.NewReader(source)
	var sent []byte
	err := pump(reader.Read, room, func(chunk []byte) error {
		if len(chunk) > 64 {
			t.Errorf("%d bytes at once", len(chunk))
		}
		sent = append(sent, chunk...)
		return room.give(uint32(len(chunk)))
	})
	if err != io.EOF || !bytes.Equal(sent, source) {
		t.Errorf("%v after %d bytes", err, len(sent))
	}
}
