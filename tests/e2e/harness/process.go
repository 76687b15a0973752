// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// Process is a program that the suite started. Its output goes to one log file. Only processes that were started
// here are ever signalled, and the kernel kills them should the suite itself be killed.
type Process struct {
	Name    string
	Log     string // path of the log file
	Started time.Time

	cmd  *exec.Cmd
	done chan struct{}
	err  error // of Wait; valid once done is closed
}

// startProcess runs cmd with stdout and stderr in the file log.
func startProcess(name string, cmd *exec.Cmd, log string) (*Process, error) {
	if err := os.MkdirAll(filepath.Dir(log), 0o755); err != nil {
		return nil, err
	}
	file, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	cmd.Stdout, cmd.Stderr = file, file
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true // an interrupt at the terminal is for the suite, which then stops the rest in order
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &Process{Name: name, Log: log, Started: time.Now(), cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Pid is the process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// CPU is the time that the process has spent so far, in user and kernel mode together.
func (p *Process) CPU() (time.Duration, error) { return CPUOf(p.Pid()) }

// Exited tells whether the process has ended.
func (p *Process) Exited() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Signal sends a signal; a process that is gone already is no error.
func (p *Process) Signal(sig os.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", p.Name, err)
	}
	return nil
}

// Wait waits until the process has ended and returns its exit code, -1 after a signal.
func (p *Process) Wait(ctx context.Context) (int, error) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("%s has not ended: %w", p.Name, ctx.Err())
	}
}

// Kill ends the process at once, without a chance to tidy up.
func (p *Process) Kill() error {
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return nil
}

// Terminate asks the process to end, waits, and returns its exit code. A process that does not end in time is killed,
// which is an error.
func (p *Process) Terminate(patience time.Duration) (int, error) {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	code, err := p.Wait(ctx)
	if err != nil {
		return 0, errors.Join(fmt.Errorf("%s ignores SIGTERM for %s", p.Name, patience), p.Kill())
	}
	return code, nil
}

// WaitForLog waits until a line of the log matches, and returns what the first group of the pattern matched.
func (p *Process) WaitForLog(ctx context.Context, pattern *regexp.Regexp) (string, error) {
	var found string
	err := Poll(ctx, fmt.Sprintf("%s to log %q", p.Name, pattern), func() error {
		ended := p.Exited() // before the read, so that what it logged last is seen
		text, err := os.ReadFile(p.Log)
		if err != nil {
			return Permanent(err)
		}
		if m := pattern.FindSubmatch(text); m != nil {
			found = string(m[len(m)-1])
			return nil
		}
		if ended {
			return Permanent(fmt.Errorf("%s ended (%v); its log:\n%s", p.Name, p.err, p.Tail(30)))
		}
		return errors.New("not yet")
	})
	return found, err
}

// Tail is the end of the log, indented.
func (p *Process) Tail(lines int) string { return tail(p.Log, lines) }

func tail(path string, lines int) string {
	file, err := os.Open(path)
	if err != nil {
		return "    (no log: " + err.Error() + ")"
	}
	defer file.Close()
	const window = 64 << 10
	if info, err := file.Stat(); err == nil && info.Size() > window {
		if _, err := file.Seek(-window, io.SeekEnd); err != nil {
			return "    (no log: " + err.Error() + ")"
		}
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return "    (no log: " + err.Error() + ")"
	}
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return "    " + strings.Join(all, "\n    ")
}

// Output is what a finished command left behind.
type Output struct {
	Command        string
	Stdout, Stderr string
	Code           int
}

// Text is both streams, as a person at a terminal would see them.
func (o Output) Text() string { return o.Stdout + o.Stderr }

// Warnings are the warnings that kubectl printed.
func (o Output) Warnings() []string {
	var found []string
	for line := range strings.Lines(o.Stderr) {
		if text, ok := strings.CutPrefix(line, "Warning: "); ok {
			found = append(found, strings.TrimSuffix(text, "\n"))
		}
	}
	return found
}

func (o Output) String() string {
	return fmt.Sprintf("$ %s\n%s(exit code %d)", o.Command, o.Text(), o.Code)
}

// run runs a command to its end. A command that fails is no error: its code is in the output.
func run(cmd *exec.Cmd, stdin []byte) (Output, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	out := Output{
		Command: filepath.Base(cmd.Path) + " " + strings.Join(cmd.Args[1:], " "),
		Stdout:  stdout.String(), Stderr: stderr.String(),
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		out.Code = exit.ExitCode()
		return out, nil
	}
	if err != nil {
		return out, fmt.Errorf("run %s: %w\n%s", out.Command, err, out.Text())
	}
	return out, nil
}

// TempDir makes the folder of one run. Others may pass through it, so that slicegate can run as somebody else.
func TempDir() (string, error) {
	dir, err := os.MkdirTemp("", "slicegate-e2e-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}
