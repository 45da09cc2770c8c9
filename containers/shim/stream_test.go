package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"testing"
)

// vectors are shared with the worker's codec.
type vectors struct {
	Valid []struct {
		Name              string
		Type              byte
		Channel, Sequence uint32
		Payload, Bytes    string
	}
	Invalid, Truncated []struct{ Name, Bytes string }
}

func readVectors(t testing.TB) (v vectors) {
	content, err := os.ReadFile("../../tests/fixtures/tether/frames.json")
	if err == nil {
		err = json.Unmarshal(content, &v)
	}
	if err != nil || len(v.Valid) != len(sizes) {
		t.Fatalf("%d vectors, %v", len(v.Valid), err)
	}
	return v
}

func unhex(t testing.TB, text string) []byte {
	decoded, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

func TestSharedVectors(t *testing.T) {
	v := readVectors(t)
	for _, vector := range v.Valid {
		encoded := unhex(t, vector.Bytes)
		f, err := readFrame(bytes.NewReader(encoded))
		if err != nil || byte(f.Kind) != vector.Type || f.Channel != vector.Channel || f.Sequence != vector.Sequence || hex.EncodeToString(f.payload) != vector.Payload {
			t.Errorf("%s: read as %+v, %v", vector.Name, f, err)
		}
		if again := appendFrame(nil, f.Kind, f.Channel, f.Sequence, f.payload); !bytes.Equal(again, encoded) {
			t.Errorf("%s: written as %x", vector.Name, again)
		}
	}
	for _, vector := range v.Truncated {
		if _, err := readFrame(bytes.NewReader(unhex(t, vector.Bytes))); err != io.ErrUnexpectedEOF {
			t.Errorf("%s: %v", vector.Name, err)
		}
	}
	for _, vector := range v.Invalid {
		var broken fault
		if _, err := readFrame(bytes.NewReader(unhex(t, vector.Bytes))); !errors.As(err, &broken) || broken.Code != "protocol" {
			t.Errorf("%s: %v", vector.Name, err)
		}
	}
	if _, err := readFrame(bytes.NewReader(nil)); err != io.EOF {
		t.Errorf("nothing: %v", err)
	}
}

func TestSequenceHasNoGap(t *testing.T) {
	for _, numbers := range [][]uint32{{1, 3}, {2}, {1, 1}, {1, 0}} {
		var in []byte
		for _, number := range numbers {
			in = appendFrame(in, framePing, 0, number, nil)
		}
		s := &stream{in: readerOf(in)}
		var err error
		for range numbers {
			if _, err = s.receive(); err != nil {
				break
			}
		}
		if !errors.As(err, &fault{}) {
			t.Errorf("%v: %v", numbers, err)
		}
	}
}

// FuzzDecode reads any bytes as frames: each is one that is written as it was, or the stream ends with a fault of the peer, or inside a frame.
func FuzzDecode(f *testing.F) {
	v := readVectors(f)
	for _, vector := range v.Valid {
		f.Add(unhex(f, vector.Bytes))
	}
	for _, vector := range append(v.Invalid, v.Truncated...) {
		f.Add(unhex(f, vector.Bytes))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var again []byte
		for reader := bytes.NewReader(in); ; {
			read, err := readFrame(reader)
			if err == nil {
				again = appendFrame(again, read.Kind, read.Channel, read.Sequence, read.payload)
				continue
			}
			if err != io.EOF && err != io.ErrUnexpectedEOF && !errors.As(err, &fault{}) {
				t.Fatal(err)
			}
			if err == io.EOF && len(again) != len(in) || !bytes.HasPrefix(in, again) {
				t.Fatalf("%x became %x", in, again)
			}
			return
		}
	})
}
