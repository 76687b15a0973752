// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// A node's programs mount, start daemons that outlive them, and change the network: so the suite runs once more as the
// first process of an enclosure, with its own mounts, network and process ids. When that process ends, however it ends,
// the kernel ends and undoes all of it. What is left to tidy up by hand is what no such enclosure covers: control groups
// and a few settings of the kernel.

const enclosureVariable = "SLICEGATE_ENCLOSED"

// interrupted is the exit code after SIGINT or SIGTERM: nobody wants the logs.
const interrupted = 130

// Enclosure is what the enclosed suite knows of where it runs.
type Enclosure struct {
	Dir    string // of this run; its logs are kept when tests fail
	Cgroup string // below which the node's pods live: a path in every hierarchy
}

// Enclosed is the enclosure of this process, or nil outside.
func Enclosed() *Enclosure {
	dir := os.Getenv(enclosureVariable)
	if dir == "" {
		return nil
	}
	return &Enclosure{Dir: dir, Cgroup: "/" + filepath.Base(dir)}
}

// kernelSettings are what a kubelet sets for the whole machine.
var kernelSettings = []string{
	"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
	"kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
}

// Enclose runs this program again, enclosed, and returns its exit code.
func Enclose() (code int, err error) {
	if os.Geteuid() != 0 {
		return 1, errors.New("a real node needs root, for namespaces, mounts and control groups; SKIP_E2E=1 leaves it out")
	}
	dir, err := TempDir()
	if err != nil {
		return 1, err
	}
	e := &Enclosure{Dir: dir, Cgroup: "/" + filepath.Base(dir)}
	settings := map[string][]byte{}
	for _, name := range kernelSettings {
		if text, err := os.ReadFile("/proc/sys/" + name); err == nil {
			settings[name] = text
		}
	}
	defer func() {
		for name, text := range settings {
			err = errors.Join(err, os.WriteFile("/proc/sys/"+name, text, 0o644))
		}
		err = errors.Join(err, e.removeCgroups(), e.tidy(code == 0 || code == interrupted))
		if err != nil && code == 0 {
			code = 1
		}
	}()
	if err := e.makeCgroups(); err != nil {
		return 1, err
	}
	return e.run()
}

func (e *Enclosure) run() (int, error) {
	runtime.LockOSThread() // the signal at the parent's death is that of the thread
	defer runtime.UnlockOSThread()
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), enclosureVariable+"="+e.Dir)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		Setpgid:    true, // an interrupt at the terminal comes by us, once
		Pdeathsig:  syscall.SIGKILL,
	}
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(interrupts)
	if err := cmd.Start(); err != nil {
		return 1, fmt.Errorf("a real node needs namespaces of its own (mounts, network, process ids): %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-interrupts:
			cmd.Process.Signal(s)
		case err := <-ended:
			if exit, ok := errors.AsType[*exec.ExitError](err); ok {
				if exit.ExitCode() >= 0 {
					return exit.ExitCode(), nil
				}
				return 1, fmt.Errorf("the enclosed suite: %w", err)
			}
			return 0, err
		}
	}
}

// hierarchies are the roots of the control groups: one of version 2, or several of version 1.
func hierarchies() ([]string, error) {
	const root = "/sys/fs/cgroup"
	if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err == nil {
		return []string{root}, nil
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, entry := range entries {
		if _, err := os.Stat(filepath.Join(root, entry.Name(), "cgroup.procs")); err == nil && entry.IsDir() {
			found = append(found, filepath.Join(root, entry.Name()))
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("a real node needs control groups; there are none in %s", root)
	}
	return found, nil
}

func (e *Enclosure) makeCgroups() error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	for _, root := range roots {
		group := filepath.Join(root, e.Cgroup)
		if err := os.Mkdir(group, 0o755); err != nil {
			return fmt.Errorf("a real node needs to make control groups: %w", err)
		}
		// In version 1 a new group may use no processor and no memory until it is said which.
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			text, err := os.ReadFile(filepath.Join(root, file))
			if err != nil || len(roots) == 1 {
				continue
			}
			if err := os.WriteFile(filepath.Join(group, file), text, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeCgroups removes the groups from the innermost outwards. Processes of the enclosure may take a moment to be gone.
func (e *Enclosure) removeCgroups() error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	var problem error
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		problem = nil
		for _, root := range roots {
			problem = errors.Join(problem, removeGroup(filepath.Join(root, e.Cgroup)))
		}
		if problem == nil {
			return nil
		}
	}
	return problem
}

func removeGroup(group string) error {
	entries, err := os.ReadDir(group)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if entry.IsDir() {
			err = errors.Join(err, removeGroup(filepath.Join(group, entry.Name())))
		}
	}
	return errors.Join(err, syscall.Rmdir(group))
}

// tidy removes the run's folder, or all of it but the logs. Nothing is mounted there any longer: those mounts were the
// enclosure's.
func (e *Enclosure) tidy(passed bool) error {
	if passed {
		return os.RemoveAll(e.Dir)
	}
	entries, err := os.ReadDir(e.Dir)
	for _, entry := range entries {
		if entry.Name() != "pods" && filepath.Ext(entry.Name()) != ".log" {
			err = errors.Join(err, os.RemoveAll(filepath.Join(e.Dir, entry.Name())))
		}
	}
	fmt.Fprintln(os.Stderr, "e2e: failed; all logs are kept in", e.Dir)
	return err
}

// Furnish prepares the inside: a private view of the files that a node writes to, and a network of one machine.
func (e *Enclosure) Furnish() error {
	if os.Getpid() != 1 {
		return fmt.Errorf("%s is set, but this is not the first process of an enclosure", enclosureVariable)
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	for _, path := range []string{"/run", "/var/lib", "/var/log"} {
		if err := syscall.Mount("tmpfs", path, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("mount %s: %w", path, err)
		}
	}
	// The kubelet's folder has a fixed place. It measures the disk there, so it is one.
	const kubelet = "/var/lib/kubelet"
	for _, path := range []string{kubelet, e.path("kubelet")} {
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
	}
	if err := syscall.Mount(e.path("kubelet"), kubelet, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s: %w", kubelet, err)
	}
	// No resolver of the machine can be reached from here. Without one a question for a name fails at once.
	const resolver = "/etc/resolv.conf"
	if err := os.WriteFile(e.path("resolv.conf"), nil, 0o644); err != nil {
		return err
	}
	if err := syscall.Mount(e.path("resolv.conf"), resolver, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s: %w", resolver, err)
	}
	for _, command := range []string{
		"ip link set lo up",
		"ip link add node type veth peer name nowhere",
		"ip address add " + nodeAddress + "/24 dev node",
		"ip link set node up",
		"ip link set nowhere up",
		"ip route add default dev node",
	} {
		words := strings.Fields(command)
		if text, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", command, err, text)
		}
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}

func (e *Enclosure) path(name string) string { return filepath.Join(e.Dir, name) }
