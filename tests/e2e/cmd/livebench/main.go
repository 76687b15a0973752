// SPDX-License-Identifier: Apache-2.0

// Livebench measures slicegate on a live cluster that is full: how long it takes to learn it from a real kube-apiserver,
// what that costs in memory, what it costs while nothing happens and while pods change, and how soon a waiting pod is
// bound when one that runs is deleted, with kube-scheduler as `slicegate scheduler-config` sets it up. SLICEGATE and
// SLICEGATE_CONTROL_PLANE are those of run.sh: use program.sh.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

const (
	gpusEach  = 8
	namespace = "live"
	gpu       = "nvidia.com/gpu"
)

type bench struct {
	nodes, pods, deletions, events int
	idle, busy                     time.Duration

	plane     *harness.ControlPlane
	slicegate *harness.Slicegate
	dir       string
}

func main() {
	b := &bench{}
	flag.IntVar(&b.nodes, "nodes", 5000, "simulated nodes of 8 GPUs, all of them taken")
	flag.IntVar(&b.pods, "pods", 100000, "pods on them, 8 a node with a GPU each, the rest without")
	flag.DurationVar(&b.idle, "idle", 30*time.Second, "how long nothing happens")
	flag.IntVar(&b.events, "events", 500, "changes of pods a second, for -busy")
	flag.DurationVar(&b.busy, "busy", 20*time.Second, "how long pods change")
	flag.IntVar(&b.deletions, "deletions", 50, "pods that are deleted while one waits, with the nominator and without")
	flag.Parse()
	if flag.NArg() > 0 || b.nodes < 1 || b.pods <= b.nodes*gpusEach || b.deletions < 1 || b.deletions > b.nodes*gpusEach {
		flag.Usage()
		os.Exit(2)
	}
	os.Exit(harness.RunSuite(b, harness.SuiteOptions{Prepare: func(_ context.Context, s *harness.Suite) error {
		b.plane, b.slicegate, b.dir = s.Plane, s.Slicegate, s.Dir
		return nil
	}}))
}

// Run is what a suite runs instead of tests.
func (b *bench) Run() int {
	if err := b.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "livebench:", err)
		return 1
	}
	return 0
}

func (b *bench) run(ctx context.Context) error {
	start := time.Now()
	if err := b.fill(ctx); err != nil {
		return err
	}
	fmt.Printf("%d nodes and %d pods made in %s\n", b.nodes, b.pods, time.Since(start).Round(time.Second))
	for round, nominate := range []bool{true, false} {
		if err := b.measure(ctx, round, nominate); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) fill(ctx context.Context) error {
	if err := b.plane.CreateNamespace(ctx, namespace); err != nil {
		return err
	}
	names, err := b.plane.CreateNodes(ctx, harness.H100.Whole("gpu-node", b.nodes, gpusEach))
	if err != nil {
		return err
	}
	shapes := make([]harness.PodShape, b.pods)
	for i := range shapes {
		requests := map[string]string{"cpu": "500m", "memory": "1Gi"}
		if i < b.nodes*gpusEach {
			requests[gpu] = "1"
		}
		shapes[i] = harness.PodShape{
			Namespace: namespace, Name: fmt.Sprintf("pod-%d", i), Requests: requests,
			Labels: map[string]string{"app.kubernetes.io/name": "train", "team": fmt.Sprintf("team-%d", i%200)},
			Spec:   map[string]any{"nodeName": names[i%len(names)]},
		}
	}
	return b.plane.CreatePods(ctx, shapes...)
}

// measure starts slicegate anew.
func (b *bench) measure(ctx context.Context, round int, nominate bool) error {
	certs, err := b.slicegate.IssueCertificates(ctx, fmt.Sprintf("certs-%d", round))
	if err == nil {
		err = b.slicegate.IssueClientCertificate(ctx, certs, "kube-scheduler")
	}
	if err != nil {
		return err
	}
	kubeconfig, err := b.plane.ServiceAccount(ctx, "slicegate-system", "slicegate", "scheduling/testdata/slicegate-rbac.yaml")
	if err != nil {
		return err
	}
	path, err := b.slicegate.WriteSecret("live.kubeconfig", []byte(kubeconfig))
	if err != nil {
		return err
	}
	addresses, err := harness.FreeAddresses(1)
	if err != nil {
		return err
	}
	start := time.Now()
	server, err := b.slicegate.ServeWith(ctx, harness.ServeOptions{Certs: certs, Args: []string{
		"--live", "--kubeconfig", path, "--extender-listen", addresses[0], "--extender-client-ca", certs.CA(),
		fmt.Sprintf("--nominate=%t", nominate),
	}})
	if err != nil {
		return err
	}
	if err := server.WaitReady(ctx); err != nil {
		return errors.Join(err, server.Kill())
	}
	err = b.live(ctx, server, time.Since(start), nominate, func() (string, error) {
		return b.slicegate.SchedulerConfig(ctx, addresses[0], certs)
	})
	return errors.Join(err, server.Stop())
}

func (b *bench) live(ctx context.Context, server *harness.Server, sync time.Duration, nominate bool, config func() (string, error)) error {
	spent, err := server.CPU()
	if err != nil {
		return err
	}
	fmt.Printf("nominate=%t: ready after %.2f s, of which %.2f s of CPU; resident %d MiB\n", nominate, sync.Seconds(), spent.Seconds(), resident(server))
	if err := b.share(server, "while nothing happens", b.idle, func() (int, error) {
		time.Sleep(b.idle)
		return 0, nil
	}); err != nil {
		return err
	}
	if err := b.share(server, "while pods change", b.busy, func() (int, error) { return b.change(ctx) }); err != nil {
		return err
	}
	text, err := config()
	if err != nil {
		return err
	}
	scheduler, err := harness.StartScheduler(ctx, b.plane, harness.SchedulerOptions{Config: text})
	if err != nil {
		return err
	}
	defer scheduler.Kill() // nothing it still has to do
	return b.refill(ctx, nominate)
}

// share prints how much of a core the server spends meanwhile.
func (b *bench) share(server *harness.Server, what string, atLeast time.Duration, do func() (int, error)) error {
	before, err := server.CPU()
	if err != nil {
		return err
	}
	start := time.Now()
	changes, err := do()
	if err != nil {
		return err
	}
	time.Sleep(atLeast - time.Since(start))
	took := time.Since(start).Seconds()
	after, err := server.CPU()
	if err == nil {
		fmt.Printf("  %s: %.2f %% of a core (%.0f changes a second), resident %d MiB\n", what, 100*(after-before).Seconds()/took,
			float64(changes)/took, resident(server))
	}
	return err
}

// change annotates pods without a GPU, so many a second, and tells how many.
func (b *bench) change(ctx context.Context) (int, error) {
	const batch = 50
	start, made, first := time.Now(), 0, b.nodes*gpusEach
	for ; made < b.events*int(b.busy.Seconds()); made += batch {
		if err := harness.Parallel(ctx, batch, func(ctx context.Context, i int) error {
			n := first + (made+i)*7919%(b.pods-first)
			return b.plane.AnnotatePod(ctx, namespace, fmt.Sprintf("pod-%d", n), "example.com/step", fmt.Sprintf("%d of %d", made, start.UnixNano()))
		}); err != nil {
			return made, err
		}
		time.Sleep(time.Duration(made+batch)*time.Second/time.Duration(b.events) - time.Since(start))
	}
	return made, nil
}

// refill deletes pods while another waits for their GPU, one after another.
func (b *bench) refill(ctx context.Context, nominate bool) error {
	watch, err := b.plane.WatchPods(ctx, namespace)
	if err != nil {
		return err
	}
	defer watch.Stop()
	var victims []harness.PodRecord
	for _, record := range watch.Records() {
		if _, has := record.Spec.Containers[0].Resources.Requests[gpu]; has && record.Spec.NodeName != "" {
			victims = append(victims, record)
		}
	}
	times := make([]time.Duration, b.deletions)
	for i := range times {
		victim := victims[i*7919%len(victims)]
		name := fmt.Sprintf("waits-%t-%d", nominate, i)
		if times[i], err = b.refillOne(ctx, watch, name, victim); err != nil {
			return err
		}
	}
	slices.Sort(times)
	fmt.Printf("  from a deletion to the binding of the pod that waited: median %d ms, p95 %d ms, longest %d ms (%d of them)\n",
		times[len(times)/2].Milliseconds(), times[(len(times)*95+99)/100-1].Milliseconds(), times[len(times)-1].Milliseconds(), len(times))
	return nil
}

func (b *bench) refillOne(ctx context.Context, watch *harness.PodWatch, name string, victim harness.PodRecord) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if err := b.plane.CreatePods(ctx, harness.PodShape{
		Namespace: namespace, Name: name, Requests: map[string]string{gpu: "1", "cpu": "500m", "memory": "1Gi"},
	}); err != nil {
		return 0, err
	}
	if err := watch.Wait(ctx, name+" to be refused", func() error {
		if record := watch.Record(namespace, name); record == nil || record.WhyWaiting() == "" {
			return errors.New("it was not yet")
		}
		return nil
	}); err != nil {
		return 0, err
	}
	time.Sleep(200 * time.Millisecond) // so that nothing of the refusal is under way
	if err := b.plane.DeletePod(ctx, namespace, victim.Metadata.Name); err != nil {
		return 0, err
	}
	bound, err := watch.WaitPodBound(ctx, namespace, name)
	if err != nil {
		return 0, err
	}
	gone := watch.Record(namespace, victim.Metadata.Name)
	if gone == nil || gone.Deleted.IsZero() {
		return 0, fmt.Errorf("%s was bound before %s was gone", name, victim.Metadata.Name)
	}
	return bound.Bound.Sub(gone.Deleted), nil
}

// resident is in MiB.
func resident(server *harness.Server) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", server.Pid()))
	if err != nil {
		return -1
	}
	var kib int
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
			return kib / 1024
		}
	}
	return -1
}
