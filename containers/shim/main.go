// The shim is PID 1 of an execution container: it runs one job and carries its output, its exit and its API requests
// over one framed byte stream on standard input and output (the tether). It needs nothing of the image it runs in.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// ackEvery is how many frames are received between two acknowledgements; they let a cut stream be resumed one day.
const ackEvery = 128

// door is a socket of the worker's, which takes one connection.
const door = "/.tether"

// session is what the worker's frames act on; one goroutine alone handles them.
type session struct {
	stream  *stream
	tunnel  *tunnel
	folder  string
	greeted bool
	files   *io.PipeWriter
	packed  chan error
	job     atomic.Pointer[job]
}

// handle takes one frame; an error ends the session.
func (s *session) handle(f frame) error {
	if f.Sequence%ackEvery == 0 {
		s.stream.sendNumber(frameAck, 0, f.Sequence)
	}
	switch f.Kind {
	case frameHello:
		return s.hello(f.payload)
	case frameFiles:
		return s.unpack(f.payload)
	case frameJob:
		return s.start(f.payload)
	case frameSignal:
		s.signal(syscall.Signal(f.payload[0]))
		return nil
	case framePing:
		return s.stream.send(framePong, 0, f.payload)
	case frameAck:
		return nil
	case frameData, frameClose, frameCredit:
		output, job := f.Channel-channelOut, s.job.Load()
		if f.Kind != frameCredit || output > 1 {
			return s.tunnel.handle(f)
		} else if job == nil {
			return violation("credit for the output of a job that has not started")
		}
		return job.outputs[output].room.give(f.number())
	}
	return violation("frame type 0x%02x is not for a shim", byte(f.Kind))
}

func (s *session) hello(payload []byte) error {
	var hello struct {
		Version, Resume uint32
		Session         string
	}
	if s.greeted {
		return violation("a second HELLO")
	} else if err := json.Unmarshal(payload, &hello); err != nil {
		return violation("HELLO: %v", err)
	} else if hello.Version < oldest || hello.Version > version {
		return fault{"version", fmt.Sprintf("the worker asks for version %d of the tether, this shim speaks versions %d to %d", hello.Version, oldest, version)}
	} else if hello.Resume != 0 {
		return violation("session %.64q cannot be resumed from frame %d", hello.Session, hello.Resume)
	}
	s.greeted = true
	return nil
}

// unpack passes a part of the tar stream on; an empty part is its end.
func (s *session) unpack(payload []byte) error {
	if !s.greeted || s.job.Load() != nil || s.packed != nil && s.files == nil {
		return violation("FILES at the wrong time")
	}
	if s.files == nil {
		reader, writer := io.Pipe()
		s.files, s.packed = writer, make(chan error, 1)
		go func() {
			err := unpack(reader, s.folder)
			reader.CloseWithError(err)
			s.packed <- err
		}()
	}
	var err error
	if len(payload) > 0 {
		_, err = s.files.Write(payload)
	} else {
		s.files.Close()
		s.files = nil
		err = <-s.packed
	}
	if err != nil {
		return fault{"bad_files", err.Error()}
	}
	return nil
}

func (s *session) start(payload []byte) error {
	spec := jobSpec{Cwd: s.folder}
	if !s.greeted || s.job.Load() != nil || s.files != nil {
		return violation("JOB at the wrong time")
	} else if err := json.Unmarshal(payload, &spec); err != nil || len(spec.Argv) == 0 {
		return violation("JOB without a program")
	}
	started, err := start(spec, s.stream)
	if err != nil {
		return fault{"missing_binary", err.Error()}
	}
	s.job.Store(started)
	// The worker closes the stream once it has the record; without that the silence limit ends the shim.
	go func() { s.stream.sendJSON(frameExit, started.finish()) }()
	return nil
}

func (s *session) signal(name syscall.Signal) {
	if job := s.job.Load(); job != nil {
		job.signal(name)
	}
}

// close ends the job and what waits for files; all else ends with the process.
func (s *session) close() {
	s.signal(syscall.SIGKILL)
	if s.files != nil {
		s.files.CloseWithError(io.ErrUnexpectedEOF)
	}
}

// run serves one session until the stream is gone; when nothing was heard for too long it calls expire.
func run(in io.Reader, out io.Writer, folder string, silence time.Duration, expire func()) error {
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	defer listener.Close()
	st := &stream{in: bufio.NewReaderSize(in, chunkSize), out: out}
	s := &session{stream: st, folder: folder, tunnel: &tunnel{stream: st, next: firstConnection, channels: map[uint32]*channel{}}}
	defer s.close()
	// Also while a frame is being handled: the worker may have stopped reading.
	quiet := time.AfterFunc(silence, func() {
		s.signal(syscall.SIGKILL)
		expire()
	})
	defer quiet.Stop()
	st.sendJSON(frameReady, map[string]any{"version": version, "oldest": oldest, "port": listener.Addr().(*net.TCPAddr).Port})
	go s.tunnel.serve(listener)
	for {
		f, err := st.receive()
		quiet.Reset(silence)
		if err == nil {
			err = s.handle(f)
		}
		if broken := (fault{}); errors.As(err, &broken) {
			broken.Message = broken.Message[:min(len(broken.Message), 1000)]
			st.sendJSON(frameFault, broken)
		}
		if err != nil {
			return err
		}
	}
}

func main() {
	folder := flag.String("root", "/work", "folder that files are unpacked to")
	silence := flag.Duration("silence", 30*time.Second, "time without a word from the worker after which the shim ends itself")
	speaks := flag.Bool("speaks", false, "print the versions of the tether that this shim speaks, and end")
	flag.Parse()
	if *speaks {
		json.NewEncoder(os.Stdout).Encode(map[string]any{"version": version, "oldest": oldest})
		return
	}
	hide()
	// One byte stream is all there is to do: a second processor would only be woken. A read that blocks would keep this one.
	runtime.GOMAXPROCS(1)
	syscall.SetNonblock(0, true)
	syscall.SetNonblock(1, true)
	var in, out io.ReadWriter = os.NewFile(0, "from the worker"), os.NewFile(1, "to the worker")
	// Where the worker is on this host it may offer a shorter way than the engine's streams.
	if socket, err := net.Dial("unix", door); err == nil {
		in, out = socket, socket
	}
	if run(in, out, *folder, *silence, func() { os.Exit(4) }) != io.EOF {
		os.Exit(2)
	}
}
