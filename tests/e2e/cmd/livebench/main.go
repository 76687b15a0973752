// SPDX-License-Identifier: Apache-2.0

// Livebench measures slicegate on a live cluster that is full: how long it takes to learn it from a real kube-apiserver,
// what that costs in memory, what it costs while nothing happens and while pods change, and how soon a waiting pod is
// bound when one that runs is deleted, with kube-scheduler as `slicegate scheduler-config` sets it up. SLICEGATE and
// SLICEGATE_CONTROL_PLANE are those of run.sh: use program.sh.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

const (
	gpusEach  = 8
	namespace = "live"
	gpu       = "nvidia.com/gpu"
)

type bench struct {
	nodes, pods, rounds, deletions, events int
	idle, busy                             time.Duration

	plane     *harness.ControlPlane
	slicegate *harness.Slicegate
}

func main() {
	b := &bench{}
	flag.IntVar(&b.nodes, "nodes", 5000, "simulated nodes of 8 GPUs, all of them taken")
	flag.IntVar(&b.pods, "pods", 100000, "pods on them, 8 a node with a GPU each, the rest without")
	flag.IntVar(&b.rounds, "rounds", 5, "measurements with the nominator and without, by turns, each of a slicegate that is started anew")
	flag.DurationVar(&b.idle, "idle", 20*time.Second, "how long nothing happens")
	flag.IntVar(&b.events, "events", 500, "changes of pods a second, for -busy")
	flag.DurationVar(&b.busy, "busy", 15*time.Second, "how long pods change")
	flag.IntVar(&b.deletions, "deletions", 50, "pods that are deleted while one waits, in each measurement")
	flag.Parse()
	if flag.NArg() > 0 || b.nodes < 1 || b.rounds < 1 || b.pods <= b.nodes*gpusEach || b.deletions < 1 || b.deletions > b.nodes*gpusEach {
		flag.Usage()
		os.Exit(2)
	}
	os.Exit(harness.RunSuite(b, harness.SuiteOptions{Prepare: func(_ context.Context, s *harness.Suite) error {
		b.plane, b.slicegate = s.Plane, s.Slicegate
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
	results := map[bool][]result{}
	for round := range b.rounds {
		for _, nominate := range []bool{true, false} {
			r, err := b.measure(ctx, round, nominate)
			if err != nil {
				return err
			}
			fmt.Printf("round %d, nominate=%t: %s\n", round+1, nominate, r)
			results[nominate] = append(results[nominate], r)
		}
	}
	for _, nominate := range []bool{true, false} {
		fmt.Printf("nominate=%t, medians of %d, with the lowest and the highest:\n%s", nominate, b.rounds, summary(results[nominate]))
	}
	fmt.Printf("all in %s\n", time.Since(start).Round(time.Second))
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
