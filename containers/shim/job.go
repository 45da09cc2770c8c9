package main

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// jobSpec is the JOB frame: the complete environment, nothing is inherited.
type jobSpec struct {
	Argv []string          `json:"argv"`
	Env  map[string]string `json:"env"`
	Cwd  string            `json:"cwd"`
}

type outputSum struct {
	Bytes uint64 `json:"bytes"`
	CRC   uint32 `json:"crc"`
}

// exitRecord is the EXIT frame: without it there is no success.
type exitRecord struct {
	Code      *int      `json:"code"`
	Signal    *string   `json:"signal"`
	OOM       bool      `json:"oom"`
	StartedAt int64     `json:"startedAt"`
	EndedAt   int64     `json:"endedAt"`
	UserMs    int64     `json:"userMs"`
	SystemMs  int64     `json:"systemMs"`
	Stdout    outputSum `json:"stdout"`
	Stderr    outputSum `json:"stderr"`
}

type job struct {
	pid     int
	ended   atomic.Bool
	status  chan ended
	outputs [2]*output
	started time.Time
	kills   int
}

type ended struct {
	status syscall.WaitStatus
	usage  syscall.Rusage
}

// output carries one of the job's pipes to the worker and sums it up.
type output struct {
	kind    frameType
	channel uint32
	pipe    *os.File
	room    *credit
	sum     outputSum
	done    chan struct{}
}

// afterEnd is how long a pipe is still read without a byte once the job is over: who escaped its group may hold it open.
const afterEnd = time.Second

func (o *output) carry(s *stream, over *atomic.Bool) {
	defer close(o.done)
	buffer := make([]byte, chunkSize)
	for quiet := false; ; {
		room, open := o.room.take(len(buffer))
		if !open {
			return
		}
		if over.Load() {
			o.pipe.SetReadDeadline(time.Now().Add(afterEnd))
		}
		n, err := o.pipe.Read(buffer[:room])
		o.room.give(room - n)
		if n > 0 {
			o.sum.Bytes += uint64(n)
			o.sum.CRC = crc32.Update(o.sum.CRC, crc32.IEEETable, buffer[:n])
			if s.send(o.kind, o.channel, buffer[:n]) != nil {
				return
			}
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && n == 0 && !quiet {
			// The read was woken because the job ended: it is asked once more, with its whole time.
			quiet = true
			continue
		}
		if err != nil && n == 0 {
			return
		}
		quiet = false
	}
}

// find looks a program up in the PATH of the job, not in that of the shim.
func find(spec jobSpec) (string, error) {
	name := spec.Argv[0]
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, folder := range filepath.SplitList(spec.Env["PATH"]) {
		candidate := filepath.Join(folder, name)
		if info, err := os.Stat(candidate); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("%q: %w", name, exec.ErrNotFound)
}

// start runs the program in a process group of its own.
func start(spec jobSpec, s *stream) (*job, error) {
	program, err := find(spec)
	if err != nil {
		return nil, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	j := &job{status: make(chan ended, 1), kills: oomKills()}
	writers := [2]*os.File{}
	for index, kind := range []frameType{frameOut, frameErr} {
		reader, writer, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		defer writer.Close()
		writers[index] = writer
		j.outputs[index] = &output{kind: kind, channel: uint32(channelOut + index), pipe: reader, room: newCredit(outputWindow), done: make(chan struct{})}
	}
	env := make([]string, 0, len(spec.Env))
	for name, value := range spec.Env {
		env = append(env, name+"="+value)
	}
	// The kernel is to kill the job, not the messenger. The score is inherited, so the shim has it for a moment too.
	own := readScore()
	writeScore("1000")
	j.started = time.Now()
	process, err := os.StartProcess(program, spec.Argv, &os.ProcAttr{
		Dir: spec.Cwd, Env: env, Files: []*os.File{null, writers[0], writers[1]}, Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	writeScore(own)
	if err != nil {
		return nil, err
	}
	j.pid = process.Pid
	go j.reap()
	for _, o := range j.outputs {
		go o.carry(s, &j.ended)
	}
	return j, nil
}

// reap waits for the job and, as PID 1, for every orphan that it leaves.
func (j *job) reap() {
	for {
		var e ended
		pid, err := syscall.Wait4(-1, &e.status, 0, &e.usage)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return
		}
		if pid == j.pid {
			j.status <- e
		}
	}
}

func (j *job) signal(s syscall.Signal) {
	syscall.Kill(-j.pid, s)
}

// finish waits for the end of the program, ends what it left behind, and gives the record once all output is out.
func (j *job) finish() exitRecord {
	e := <-j.status
	at := time.Now()
	j.signal(syscall.SIGKILL)
	if os.Getpid() == 1 {
		syscall.Kill(-1, syscall.SIGKILL)
	}
	j.ended.Store(true)
	for _, o := range j.outputs {
		// Wakes a read that began before the end.
		o.pipe.SetReadDeadline(time.Now().Add(afterEnd))
		<-o.done
	}
	record := exitRecord{
		OOM: oomKills() > j.kills, StartedAt: j.started.UnixMilli(), EndedAt: at.UnixMilli(),
		UserMs: e.usage.Utime.Nano() / 1e6, SystemMs: e.usage.Stime.Nano() / 1e6,
		Stdout: j.outputs[0].sum, Stderr: j.outputs[1].sum,
	}
	if e.status.Signaled() {
		name := signalName(e.status.Signal())
		record.Signal = &name
	} else {
		code := e.status.ExitStatus()
		record.Code = &code
	}
	return record
}

const scoreFile = "/proc/self/oom_score_adj"

func readScore() string {
	content, err := os.ReadFile(scoreFile)
	if err != nil {
		return "0"
	}
	return strings.TrimSpace(string(content))
}

func writeScore(score string) { os.WriteFile(scoreFile, []byte(score), 0) }

// oomKills reads how often the kernel has killed in this container for want of memory (cgroup v2, then v1).
func oomKills() int {
	for _, name := range []string{"/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"} {
		file, err := os.Open(name)
		if err != nil {
			continue
		}
		defer file.Close()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			if count, found := strings.CutPrefix(lines.Text(), "oom_kill "); found {
				kills, _ := strconv.Atoi(count)
				return kills
			}
		}
	}
	return 0
}

var signals = map[string]syscall.Signal{
	"SIGTERM": syscall.SIGTERM, "SIGKILL": syscall.SIGKILL, "SIGINT": syscall.SIGINT, "SIGHUP": syscall.SIGHUP,
	"SIGQUIT": syscall.SIGQUIT, "SIGUSR1": syscall.SIGUSR1, "SIGUSR2": syscall.SIGUSR2, "SIGSEGV": syscall.SIGSEGV,
	"SIGABRT": syscall.SIGABRT, "SIGPIPE": syscall.SIGPIPE, "SIGBUS": syscall.SIGBUS, "SIGFPE": syscall.SIGFPE, "SIGILL": syscall.SIGILL,
}

func signalName(wanted syscall.Signal) string {
	for name, s := range signals {
		if s == wanted {
			return name
		}
	}
	return "signal " + strconv.Itoa(int(wanted))
}
