package main

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// jobSpec is the JOB frame: the complete environment, nothing is inherited.
type jobSpec struct {
	Argv []string
	Env  map[string]string
	Cwd  string
}

// output is one of the job's pipes on its way to the worker, summed up as it goes.
type output struct {
	pipe  *os.File
	room  *credit
	done  chan struct{}
	Bytes uint64 `json:"bytes"`
	CRC   uint32 `json:"crc"`
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
	syscall.WaitStatus
	syscall.Rusage
}

// Who escaped the job's group may hold a pipe open, or write into it for ever. Once the job is over a pipe is read until it was
// quiet for afterEnd, and at most as far as a pipe can have held at the end of the job (pipe(7): 64 KiB, at most 1 MiB).
const (
	afterEnd  = time.Second
	restBytes = 1 << 20
)

// reader gives the pipe's bytes and sums them up.
func (o *output) reader(over *atomic.Bool) func([]byte) (int, error) {
	rest := restBytes
	return func(buffer []byte) (int, error) {
		for {
			ending := over.Load()
			if ending {
				o.pipe.SetReadDeadline(time.Now().Add(afterEnd))
			}
			n, err := o.pipe.Read(buffer)
			if n == 0 && !ending && errors.Is(err, os.ErrDeadlineExceeded) {
				continue // woken by the end of the job, not by its own time
			}
			o.Bytes += uint64(n)
			o.CRC = crc32.Update(o.CRC, crc32.IEEETable, buffer[:n])
			if ending {
				rest -= n
			}
			if rest <= 0 {
				err = io.EOF
			}
			return n, err
		}
	}
}

// start runs the program in a process group of its own; tests of broken peers put something harmless in its place.
var start = func(spec jobSpec, s *stream) (*job, error) {
	// Programs are looked up in the PATH of the job, not in that of the shim.
	os.Setenv("PATH", spec.Env["PATH"])
	command := exec.Command(spec.Argv[0], spec.Argv[1:]...)
	command.Dir, command.Env = spec.Cwd, []string{}
	for name, value := range spec.Env {
		command.Env = append(command.Env, name+"="+value)
	}
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	j := &job{status: make(chan ended, 1), kills: oomKills(), started: time.Now()}
	for index, to := range []*io.Writer{&command.Stdout, &command.Stderr} {
		reader, writer, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		defer writer.Close()
		*to = writer
		j.outputs[index] = &output{pipe: reader, room: newCredit(outputWindow), done: make(chan struct{})}
	}
	// The kernel is to kill the job, not the messenger. The score is inherited, so the shim has it for a moment too.
	own := swapScore("1000")
	err := command.Start()
	swapScore(own)
	if err != nil {
		return nil, err
	}
	j.pid = command.Process.Pid
	go j.reap()
	for index, o := range j.outputs {
		go func() {
			defer close(o.done)
			kind, channel := frameOut+frameType(index), uint32(channelOut+index)
			pump(o.reader(&j.ended), o.room, func(chunk []byte) error { return s.send(kind, channel, chunk) })
			o.pipe.Close()
		}()
	}
	return j, nil
}

// reap waits for the job and, as PID 1, for every orphan that it leaves.
func (j *job) reap() {
	for waiting := true; ; {
		var e ended
		pid, err := syscall.Wait4(-1, &e.WaitStatus, 0, &e.Rusage)
		if err != nil && err != syscall.EINTR {
			return
		} else if pid == j.pid && waiting {
			waiting = false
			j.status <- e
		}
	}
}

// signal reaches the job's process group until its end was taken: afterwards the number may be another's.
func (j *job) signal(s syscall.Signal) {
	if !j.ended.Load() {
		syscall.Kill(-j.pid, s)
	}
}

// finish waits for the end of the program, ends what it left behind, and once all output is out gives the EXIT record, without
// which there is no success: times in ms, a code or the number of a signal.
func (j *job) finish() map[string]any {
	e := <-j.status
	at := time.Now()
	j.signal(syscall.SIGKILL)
	if os.Getpid() == 1 {
		syscall.Kill(-1, syscall.SIGKILL)
	}
	j.ended.Store(true)
	for _, o := range j.outputs {
		o.pipe.SetReadDeadline(time.Now().Add(afterEnd)) // wakes a read that began before the end
	}
	for _, o := range j.outputs {
		<-o.done
	}
	record := map[string]any{
		"code": e.ExitStatus(), "signal": nil, "oom": oomKills() > j.kills,
		"startedAt": j.started.UnixMilli(), "endedAt": at.UnixMilli(),
		"userMs": e.Utime.Nano() / 1e6, "systemMs": e.Stime.Nano() / 1e6,
		"stdout": j.outputs[0], "stderr": j.outputs[1],
	}
	if e.Signaled() {
		record["code"], record["signal"] = nil, e.Signal()
	}
	return record
}

// hide keeps the job, which has the shim's user, from the shim's memory and from its end of the tether under /proc/1/fd, where it
// could forge an exit record (prctl(2), PR_SET_DUMPABLE; ptrace(2), access mode checks).
func hide() { syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0) }

// scoreFile is opened before the shim hides, which makes its files root's.
var scoreFile, _ = os.OpenFile("/proc/self/oom_score_adj", os.O_RDWR, 0)

// swapScore sets the shim's oom_score_adj and gives the one before; without the file nothing happens.
func swapScore(to string) string {
	before := make([]byte, 16)
	n, _ := scoreFile.ReadAt(before, 0)
	scoreFile.WriteAt([]byte(to), 0)
	return strings.TrimSpace(string(before[:n]))
}

// oomKills reads how often the kernel has killed in this container for want of memory (cgroup v2, then v1).
func oomKills() (kills int) {
	for _, name := range []string{"/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"} {
		content, _ := os.ReadFile(name)
		if _, count, found := strings.Cut(string(content), "oom_kill "); found {
			fmt.Sscan(count, &kills)
			break
		}
	}
	return kills
}
