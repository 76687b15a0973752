// SPDX-License-Identifier: Apache-2.0

// Schedbench measures how fast a real kube-scheduler places GPU pods on simulated nodes: alone, or with an extender. It
// starts a control plane, makes the nodes once, and then measures each mode in turn, as often as it is told, so that
// what changes on the machine meanwhile meets all of them. Each measurement is one line of JSON.
//
// For the mode "extender" it can start the extender itself: a command after the flags, in which {kubeconfig} stands for
// the path of a kubeconfig file. It runs for that measurement only. The mode "extender-other" is the same with more words
// after the command, to compare two ways of running it. Each round begins with another mode, so that none is always the
// first, or always behind the same.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

// The ways to schedule.
const (
	aloneDefault = "alone-default" // kube-scheduler as it comes: of 5,000 nodes it looks at some 500
	aloneAll     = "alone-all"     // kube-scheduler alone, looking at every node
	withExtender = "extender"
	withOther    = "extender-other" // the same, started with -other after its command
)

type flags struct {
	nodes, pods, rounds int
	modes               []string
	before, kwok        bool
	settle, limit       time.Duration
	extender, ca        string
	weight              int
	schedulerConfig     string
	account, rbac       string
	ready               string
	pid                 int
	command, other      []string
}

func parse() (flags, error) {
	var f flags
	var modes, order, other string
	flag.IntVar(&f.nodes, "nodes", 500, "simulated nodes: half with 8 whole GPUs, half with 56 slices 1g.10gb")
	flag.IntVar(&f.pods, "pods", 2000, "pods: half ask for a whole GPU, half for a slice")
	flag.IntVar(&f.rounds, "rounds", 1, "measurements of each mode")
	flag.StringVar(&modes, "mode", aloneDefault, "comma-separated: alone-default, alone-all, extender, extender-other")
	flag.StringVar(&order, "create", "after", "create the pods \"after\" the start of kube-scheduler, or \"before\" it")
	flag.DurationVar(&f.settle, "settle", 0, "with -create before: the time between the last pod and kube-scheduler")
	flag.DurationVar(&f.limit, "limit", 10*time.Minute, "how long one measurement may take")
	flag.BoolVar(&f.kwok, "kwok", false, "let kwok run the pods; without it they are bound, and that is all")
	flag.StringVar(&f.extender, "extender", "", "urlPrefix of the extender")
	flag.StringVar(&f.ca, "extender-ca", "", "file of the CA that the extender's certificate is of, if it is asked over TLS")
	flag.IntVar(&f.weight, "weight", 120, "weight of the extender")
	flag.StringVar(&f.schedulerConfig, "scheduler-config", "", "a KubeSchedulerConfiguration for the mode extender, instead of -extender and -weight")
	flag.StringVar(&f.account, "account", "", "NAMESPACE/NAME of the service account whose kubeconfig the command gets; without it, the admin's")
	flag.StringVar(&f.rbac, "rbac", "", "manifest that gives the account its rights")
	flag.StringVar(&f.ready, "ready", "", "URL that answers 200 when the command may be measured; without it, kube-scheduler starts at once")
	flag.IntVar(&f.pid, "pid", 0, "another process whose CPU time is measured, if no command is given")
	flag.StringVar(&other, "other", "", "words after the command in the mode extender-other")
	flag.Parse()
	f.other = strings.Fields(other)
	f.command = flag.Args()
	f.modes = strings.Split(modes, ",")
	f.before = order == "before"
	switch {
	case order != "before" && order != "after":
		return f, fmt.Errorf("-create is before or after, not %q", order)
	case f.nodes < 2 || f.pods < 2 || f.rounds < 1:
		return f, errors.New("-nodes and -pods are at least 2, -rounds 1")
	}
	for _, mode := range f.modes {
		switch mode {
		case aloneDefault, aloneAll:
		case withExtender, withOther:
			if f.extender == "" && f.schedulerConfig == "" {
				return f, fmt.Errorf("the mode %s needs -extender or -scheduler-config", mode)
			}
			if mode == withOther && (len(f.command) == 0 || len(f.other) == 0) {
				return f, fmt.Errorf("the mode %s needs a command, and -other", mode)
			}
		default:
			return f, fmt.Errorf("-mode: %q is not one of %s, %s, %s, %s", mode, aloneDefault, aloneAll, withExtender, withOther)
		}
	}
	if room := f.nodes / 2 * 8; f.pods/2 > room {
		return f, fmt.Errorf("%d nodes have %d whole GPUs, fewer than half the pods", f.nodes, room)
	}
	return f, nil
}

func main() {
	f, err := parse()
	if err == nil {
		ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer cancel()
		err = run(ctx, f, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "schedbench:", err)
		os.Exit(1)
	}
}

const namespace = "schedbench"

// bench is the cluster that is measured.
type bench struct {
	flags
	plane      *harness.ControlPlane
	kubeconfig string // for the command
	started    int    // commands
}

// run measures, and prints a line of JSON for each measurement.
func run(ctx context.Context, f flags, out io.Writer) error {
	controlPlane := os.Getenv("SLICEGATE_CONTROL_PLANE")
	if controlPlane == "" {
		return errors.New("SLICEGATE_CONTROL_PLANE (what tools/build.sh control-plane prints) must be set: use tests/e2e/schedbench.sh")
	}
	dir, err := harness.TempDir()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	plane, err := harness.StartControlPlane(ctx, controlPlane, dir, harness.PlaneOptions{
		APIServer: []string{"--delete-collection-workers=16"}, // between measurements
	})
	if err != nil {
		return err
	}
	defer plane.Stop()
	b := &bench{flags: f, plane: plane, kubeconfig: plane.Kubeconfig}
	if err := b.prepare(ctx, dir); err != nil {
		return err
	}
	for round := range f.rounds {
		for i := range f.modes {
			mode := f.modes[(round+i)%len(f.modes)]
			result, err := b.measure(ctx, mode)
			if err != nil {
				return fmt.Errorf("%s: %w\n%s", mode, err, plane.Tails(5))
			}
			result.Round = round + 1
			line, err := json.Marshal(result)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(out, "%s\n", line); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) prepare(ctx context.Context, dir string) error {
	if err := b.plane.CreateNamespace(ctx, namespace); err != nil {
		return err
	}
	if b.account != "" {
		space, name, ok := strings.Cut(b.account, "/")
		if !ok {
			return fmt.Errorf("-account is NAMESPACE/NAME, not %q", b.account)
		}
		var manifests []string
		if b.rbac != "" {
			manifests = append(manifests, b.rbac)
		}
		text, err := b.plane.ServiceAccount(ctx, space, name, manifests...)
		if err != nil {
			return err
		}
		b.kubeconfig = dir + "/command.kubeconfig"
		if err := os.WriteFile(b.kubeconfig, []byte(text), 0o600); err != nil {
			return err
		}
	}
	if b.kwok {
		if _, err := harness.StartKwok(ctx, b.plane, os.Getenv("SLICEGATE_KWOK")); err != nil {
			return err
		}
	}
	start := time.Now()
	half := b.nodes / 2
	_, err := b.plane.CreateNodes(ctx,
		harness.H100.Whole("whole", b.nodes-half, 8),
		harness.H100.MIGMixed("mig", half, 8, map[string]int{"1g.10gb": 56}))
	if err == nil {
		fmt.Fprintf(os.Stderr, "schedbench: %d nodes made in %s\n", b.nodes, time.Since(start).Round(10*time.Millisecond))
	}
	return err
}

// podShapes are the pods of a measurement: whole GPUs and slices by turns.
func (b *bench) podShapes() []harness.PodShape {
	shapes := make([]harness.PodShape, b.pods)
	for i := range shapes {
		resource := "nvidia.com/gpu"
		if i%2 == 1 {
			resource = "nvidia.com/mig-1g.10gb"
		}
		shapes[i] = harness.PodShape{
			Namespace: namespace, Name: fmt.Sprintf("pod-%d", i),
			Requests: map[string]string{resource: "1", "cpu": "2", "memory": "8Gi"},
		}
	}
	return shapes
}

func (b *bench) schedulerOptions(mode string) (harness.SchedulerOptions, error) {
	options := harness.SchedulerOptions{}
	switch {
	case mode == aloneDefault:
	case mode == aloneAll:
		options.PercentageOfNodesToScore = 100
	case b.schedulerConfig != "":
		text, err := os.ReadFile(b.schedulerConfig)
		if err != nil {
			return options, err
		}
		options.Config = string(text)
	default:
		options.PercentageOfNodesToScore = 100
		options.Extenders = fmt.Sprintf(`- urlPrefix: %q
  filterVerb: filter
  prioritizeVerb: prioritize
  weight: %d
  nodeCacheCapable: true
  managedResources: [{name: nvidia.com/gpu}, {name: nvidia.com/mig-1g.10gb}]
`, b.extender, b.weight)
		if b.ca != "" {
			options.Extenders += fmt.Sprintf("  enableHTTPS: true\n  tlsConfig: {caFile: %q}\n", b.ca)
		}
	}
	return options, nil
}

// measure schedules all pods once, and removes them.
func (b *bench) measure(ctx context.Context, mode string) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	r := result{Mode: mode, Nodes: b.nodes, Pods: b.pods, Create: "after"}
	options, err := b.schedulerOptions(mode)
	if err != nil {
		return r, err
	}
	watch, err := b.plane.WatchPods(ctx, namespace)
	if err != nil {
		return r, err
	}
	defer watch.Stop()
	other := b.pid
	if (mode == withExtender || mode == withOther) && len(b.command) > 0 {
		command, err := b.startCommand(ctx, mode)
		if err != nil {
			return r, err
		}
		defer command.Terminate(30 * time.Second)
		other = command.Pid()
	}

	var scheduler *harness.Scheduler
	start := func() error {
		scheduler, err = harness.StartScheduler(ctx, b.plane, options)
		return err
	}
	create := func() error {
		begin := time.Now()
		err := b.plane.CreatePods(ctx, b.podShapes()...)
		r.CreateSeconds = seconds(time.Since(begin))
		return err
	}
	if b.before {
		r.Create = "before"
		if err := create(); err != nil {
			return r, err
		}
		select {
		case <-time.After(b.settle):
		case <-ctx.Done():
			return r, ctx.Err()
		}
	} else if err := start(); err != nil {
		return r, err
	}
	cpu := newMeters(b.plane, other)
	begin := time.Now()
	if b.before {
		err = start()
	} else {
		err = create()
	}
	if err != nil {
		return r, err
	}
	defer scheduler.Kill() // nothing it still has to do
	cpu.add("kube-scheduler", scheduler.Pid(), b.before)
	if err := watch.WaitBound(ctx, b.pods); err != nil {
		return r, err
	}
	if r.CPUSeconds, err = cpu.read(); err != nil {
		return r, err
	}
	r.count(watch.Records(), begin)
	return r, errors.Join(scheduler.Stop(), b.clear(ctx, watch))
}

// startCommand starts what answers as the extender.
func (b *bench) startCommand(ctx context.Context, mode string) (*harness.Process, error) {
	b.started++
	words := slices.Clone(b.command)
	if mode == withOther {
		words = append(words, b.other...)
	}
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], "{kubeconfig}", b.kubeconfig)
	}
	p, err := b.plane.Start(fmt.Sprintf("command-%d", b.started), words, "KUBECONFIG="+b.kubeconfig)
	if err != nil || b.ready == "" {
		return p, err
	}
	if err := harness.WaitForURL(ctx, p, b.ready); err != nil {
		return nil, errors.Join(err, p.Kill())
	}
	return p, nil
}

// clear removes the pods and waits until they are gone.
func (b *bench) clear(ctx context.Context, watch *harness.PodWatch) error {
	if err := b.plane.DeletePods(ctx, namespace); err != nil {
		return err
	}
	return harness.Poll(ctx, "the pods to be gone", func() error {
		left := 0
		for _, record := range watch.Records() {
			if record.Deleted.IsZero() {
				left++
			}
		}
		if left > 0 {
			return fmt.Errorf("%d are left", left)
		}
		return nil
	})
}
