// The shim is PID 1 of an execution container: it runs one job and carries its output, its exit and its API requests
// over one framed byte stream on standard input and output (the tether). It needs nothing of the image it runs in.
package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

func number(payload []byte) uint32 {
	if len(payload) != 4 {
		return 0
	}
	return binary.BigEndian.Uint32(payload)
}

type ready struct {
	Version int `json:"version"`
	Port    int `json:"port"`
	Pid     int `json:"pid"`
}

type hello struct {
	Version int    `json:"version"`
	Session string `json:"session"`
	Resume  uint32 `json:"resume"`
}

type fault struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// The states of a session, in order; none is entered twice.
const (
	waitingForHello = iota
	waitingForJob
	running
	exited
)

type session struct {
	stream *stream
	tunnel *tunnel
	folder string
	state  int
	files  *io.PipeWriter
	packed chan error
	job    *job
	done   chan exitRecord
}

// handle takes one frame; an error ends the session.
func (s *session) handle(f frame) error {
	switch f.kind {
	case frameHello:
		return s.hello(f.payload)
	case frameFiles:
		return s.unpack(f.payload)
	case frameJob:
		return s.start(f.payload)
	case frameSignal:
		name, known := signals[string(f.payload)]
		if !known {
			return violation("unknown signal %q", f.payload)
		}
		if s.state == running {
			s.job.signal(name)
		}
		return nil
	case framePing:
		return s.stream.send(framePong, 0, f.payload)
	case frameAck:
		return nil
	case frameCredit:
		if f.channel == channelOut || f.channel == channelErr {
			if s.job == nil {
				return violation("credit for the output of a job that has not started")
			}
			return s.job.outputs[f.channel-channelOut].room.give(int(number(f.payload)))
		}
		return s.tunnel.handle(f)
	case frameData, frameClose:
		return s.tunnel.handle(f)
	}
	return violation("frame type 0x%02x is not for a shim", byte(f.kind))
}

func (s *session) hello(payload []byte) error {
	var h hello
	if s.state != waitingForHello {
		return violation("a second HELLO")
	}
	if err := json.Unmarshal(payload, &h); err != nil {
		return violation("HELLO: %v", err)
	}
	if h.Version != version {
		return violation("the worker speaks version %d of the tether, this shim version %d", h.Version, version)
	}
	if h.Resume != 0 {
		return violation("this session cannot be resumed from frame %d", h.Resume)
	}
	s.state = waitingForJob
	return nil
}

// unpack passes a part of the tar stream on; an empty part is its end.
func (s *session) unpack(payload []byte) error {
	if s.state != waitingForJob || s.packed != nil && s.files == nil {
		return violation("FILES at the wrong time")
	}
	if s.files == nil {
		reader, writer := io.Pipe()
		s.files, s.packed = writer, make(chan error, 1)
		go func() {
			err := unpack(reader, s.folder)
			io.Copy(io.Discard, reader)
			s.packed <- err
		}()
	}
	if len(payload) > 0 {
		s.files.Write(payload)
		return nil
	}
	s.files.Close()
	s.files = nil
	if err := <-s.packed; err != nil {
		return refusal{"bad_files", err.Error()}
	}
	return nil
}

func (s *session) start(payload []byte) error {
	var spec jobSpec
	if s.state != waitingForJob || s.files != nil {
		return violation("JOB at the wrong time")
	}
	if err := json.Unmarshal(payload, &spec); err != nil || len(spec.Argv) == 0 {
		return violation("JOB without a program")
	}
	started, err := start(spec, s.stream)
	if err != nil {
		return refusal{"missing_binary", err.Error()}
	}
	s.job, s.state = started, running
	go func() { s.done <- started.finish() }()
	return nil
}

// refusal is a job that could not be started: the peer did nothing wrong.
type refusal struct{ code, message string }

func (r refusal) Error() string { return r.message }

// run serves one session until its job has ended, the stream is gone, or nothing was heard for too long.
func run(in io.Reader, out io.Writer, folder string, silence time.Duration) int {
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 3
	}
	defer listener.Close()
	st := newStream(in, out)
	s := &session{stream: st, tunnel: newTunnel(st), folder: folder, done: make(chan exitRecord, 1)}
	defer func() {
		if s.job != nil {
			s.job.signal(syscall.SIGKILL)
		}
	}()
	if st.sendJSON(frameReady, ready{version, listener.Addr().(*net.TCPAddr).Port, os.Getpid()}) != nil {
		return 3
	}
	go s.tunnel.serve(listener)
	over := make(chan error, 1)
	go func() {
		for {
			f, err := st.receive()
			if err == nil {
				err = s.handle(f)
			}
			if err != nil {
				over <- err
				return
			}
		}
	}()
	watch := time.NewTicker(min(silence/4, time.Second))
	defer watch.Stop()
	for {
		select {
		case record := <-s.done:
			if st.sendJSON(frameExit, record) != nil {
				return 3
			}
			// The worker closes the stream once it has the record; without that the silence limit ends the shim.
			s.done = nil
		case err := <-over:
			return end(st, err)
		case <-watch.C:
			if st.silence() > silence {
				return 4
			}
		}
	}
}

// end says why a session is over, where there is someone to say it to.
func end(st *stream, err error) int {
	var broken protocolError
	var refused refusal
	switch {
	case errors.As(err, &broken):
		st.sendJSON(frameFault, fault{"protocol", broken.reason})
		return 2
	case errors.As(err, &refused):
		st.sendJSON(frameFault, fault{refused.code, refused.message})
		return 2
	}
	return 0
}

func main() {
	folder := flag.String("root", "/work", "folder that files are unpacked to")
	silence := flag.Duration("silence", 30*time.Second, "time without a word from the worker after which the shim ends itself")
	flag.Parse()
	os.Exit(run(os.Stdin, os.Stdout, *folder, *silence))
}
