package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func readerOf(content []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(content)) }

// worker is the other end of a session in memory.
type worker struct {
	*testing.T
	stream
	ready struct{ Version, Port int }
	over  chan error
	close func() error
}

func open(t *testing.T) *worker {
	fromWorker, toShim := io.Pipe()
	fromShim, toWorker := io.Pipe()
	w := &worker{T: t, stream: stream{in: bufio.NewReader(fromShim), out: toShim}, over: make(chan error, 1), close: toShim.Close}
	go func() {
		w.over <- run(fromWorker, toWorker, t.TempDir(), time.Minute, func() {})
		toWorker.Close()
	}()
	t.Cleanup(func() { toShim.Close() })
	json.Unmarshal(w.expect(frameReady).payload, &w.ready)
	return w
}

// expect reads on to the next frame of a kind and pays for output on the way.
func (w *worker) expect(kind frameType) frame {
	w.Helper()
	for {
		f, err := w.receive()
		if err != nil {
			w.Fatalf("%v while waiting for 0x%02x", err, kind)
		}
		if f.Kind == kind {
			return f
		}
		if f.Kind == frameFault {
			w.Fatalf("fault while waiting for 0x%02x: %s", kind, f.payload)
		}
	}
}

func (w *worker) hello() *worker {
	w.send(frameHello, 0, []byte(`{"version":1,"session":"s","resume":0}`))
	return w
}

func (w *worker) job(argv ...string) *worker {
	spec, _ := json.Marshal(jobSpec{Argv: argv, Env: map[string]string{"PATH": "/usr/bin:/bin"}})
	w.send(frameJob, 0, spec)
	return w
}

func TestAJobRunsToItsRecord(t *testing.T) {
	w := open(t).hello().job("sh", "-c", "echo out; echo err >&2; exit 7")
	var record struct {
		Code           *int
		Signal         *int
		Stdout, Stderr struct{ Bytes, CRC uint64 }
	}
	if err := json.Unmarshal(w.expect(frameExit).payload, &record); err != nil || record.Code == nil || *record.Code != 7 || record.Signal != nil {
		t.Errorf("%+v, %v", record, err)
	}
	if record.Stdout.Bytes != 4 || record.Stderr.Bytes != 4 {
		t.Errorf("%+v", record)
	}
	w.close()
	if err := <-w.over; err != io.EOF {
		t.Error(err)
	}
}

func TestASignalEndsTheJob(t *testing.T) {
	w := open(t).hello().job("sh", "-c", "echo; exec sleep 60")
	w.expect(frameOut)
	w.send(frameSignal, 0, []byte{15})
	var record struct{ Signal int }
	if err := json.Unmarshal(w.expect(frameExit).payload, &record); err != nil || record.Signal != 15 {
		t.Error(record, err)
	}
}

func TestAConnectionGoesThroughTheTunnel(t *testing.T) {
	w := open(t).hello()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", w.ready.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	id := w.expect(frameOpen).Channel
	go conn.Write([]byte("question"))
	if asked := w.expect(frameData); asked.Channel != id || string(asked.payload) != "question" {
		t.Errorf("%d %q", asked.Channel, asked.payload)
	}
	w.send(frameData, id, []byte("answer"))
	w.send(frameClose, id, []byte{closeEnd})
	if answer, err := io.ReadAll(conn); err != nil || string(answer) != "answer" {
		t.Errorf("%q, %v", answer, err)
	}
	conn.Close()
	if end := w.expect(frameClose); end.Channel != id || end.payload[0] != closeEnd {
		t.Errorf("%+v", end)
	}
}

func TestAWorkerThatBreaksTheProtocolIsTold(t *testing.T) {
	payloadOf := func(bytes int) []byte { return make([]byte, bytes) }
	for name, broken := range map[string]struct {
		code string
		do   func(w *worker)
	}{
		"a job before the greeting":       {"protocol", func(w *worker) { w.job("true") }},
		"files before the greeting":       {"protocol", func(w *worker) { w.send(frameFiles, 0, nil) }},
		"two greetings":                   {"protocol", func(w *worker) { w.hello().hello() }},
		"another version":                 {"version", func(w *worker) { w.send(frameHello, 0, []byte(`{"version":2}`)) }},
		"a session to resume":             {"protocol", func(w *worker) { w.send(frameHello, 0, []byte(`{"version":1,"resume":9}`)) }},
		"a greeting that is no JSON":      {"protocol", func(w *worker) { w.send(frameHello, 0, []byte(`{{`)) }},
		"two jobs":                        {"protocol", func(w *worker) { w.hello().job("sleep", "60").job("true") }},
		"no program":                      {"protocol", func(w *worker) { w.hello().job() }},
		"a program that is not there":     {"missing_binary", func(w *worker) { w.hello().job("no-such-program") }},
		"a job amid the files":            {"protocol", func(w *worker) { w.hello().send(frameFiles, 0, payloadOf(512)); w.job("true") }},
		"files that are no archive":       {"bad_files", func(w *worker) { w.hello().send(frameFiles, 0, bytes.Repeat([]byte("x"), 1024)) }},
		"files twice":                     {"protocol", func(w *worker) { w.hello().send(frameFiles, 0, nil); w.send(frameFiles, 0, nil) }},
		"a frame for workers":             {"protocol", func(w *worker) { w.send(frameOut, 1, []byte("x")) }},
		"data for no channel":             {"protocol", func(w *worker) { w.send(frameData, 3, []byte("x")) }},
		"a close of the output":           {"protocol", func(w *worker) { w.send(frameClose, 1, []byte{0}) }},
		"credit before the job":           {"protocol", func(w *worker) { w.sendNumber(frameCredit, 1, 1) }},
		"credit that was never taken":     {"protocol", func(w *worker) { w.hello().job("sleep", "60"); w.sendNumber(frameCredit, 2, 1<<30) }},
		"a frame that skips the sequence": {"protocol", func(w *worker) { w.sent++; w.hello() }},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			go broken.do(w)
			var said fault
			json.Unmarshal(w.expect(frameFault).payload, &said)
			if said.Code != broken.code || said.Message == "" {
				t.Errorf("%+v", said)
			}
			if err := <-w.over; !errors.As(err, &fault{}) {
				t.Error(err)
			}
		})
	}
}

func TestSilenceEndsTheSessionAndItsJob(t *testing.T) {
	in, toShim := io.Pipe()
	expired := make(chan struct{})
	go run(in, io.Discard, t.TempDir(), 50*time.Millisecond, func() { close(expired) })
	<-expired
	toShim.Close()
}

// FuzzSession lets any worker talk to a session that starts nothing: it ends, with a fault of the worker or its end, and writes
// nothing outside its folder.
func FuzzSession(f *testing.F) {
	start = func(spec jobSpec, s *stream) (*job, error) {
		j := &job{status: make(chan ended, 1), started: time.Now()}
		for index := range j.outputs {
			reader, writer, err := os.Pipe()
			if err != nil {
				return nil, err
			}
			writer.Close()
			j.outputs[index] = &output{pipe: reader, room: newCredit(outputWindow), done: make(chan struct{})}
			close(j.outputs[index].done)
			reader.Close()
		}
		j.ended.Store(true)
		j.status <- ended{}
		return j, nil
	}
	for _, names := range [][]frameType{{frameHello, frameJob, framePing}, {frameHello, frameFiles, frameFiles}, {frameHello, frameJob, frameSignal, frameCredit}} {
		var in []byte
		for index, kind := range names {
			payload := map[frameType][]byte{
				frameHello: []byte(`{"version":1}`), frameJob: []byte(`{"argv":["x"]}`), frameSignal: {9}, frameCredit: {0, 0, 0, 1},
			}[kind]
			in = appendFrame(in, kind, 1, uint32(index+1), payload)
		}
		f.Add(in)
	}
	outside := f.TempDir()
	f.Fuzz(func(t *testing.T, in []byte) {
		folder := filepath.Join(outside, "work")
		os.Mkdir(folder, 0o700)
		err := run(bytes.NewReader(in), io.Discard, folder, time.Minute, func() {})
		if err != io.EOF && err != io.ErrUnexpectedEOF && !errors.As(err, &fault{}) {
			t.Fatal(err)
		}
		if entries, _ := os.ReadDir(outside); len(entries) != 1 {
			t.Fatal(entries)
		}
		os.RemoveAll(folder)
	})
}
