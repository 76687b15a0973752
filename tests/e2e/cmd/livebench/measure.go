// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

// measure starts slicegate anew on the cluster as it is.
func (b *bench) measure(ctx context.Context, round int, nominate bool) (r result, err error) {
	server, err := b.slicegate.ServeLive(ctx, b.plane, harness.LiveOptions{
		RBAC: "scheduling/testdata/slicegate-rbac.yaml", Args: []string{fmt.Sprintf("--nominate=%t", nominate)},
	})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	if err := server.WaitReady(ctx); err != nil {
		return r, err
	}
	r[readySeconds] = time.Since(server.Started).Seconds()
	spent, err := server.CPU()
	if err != nil {
		return r, err
	}
	r[readyCPU] = spent.Seconds()
	kib, err := server.Resident()
	if err != nil {
		return r, err
	}
	r[residentMiB] = float64(kib) / 1024
	return r, b.live(ctx, server, &r, fmt.Sprintf("waits-%d-%t", round, nominate))
}

// live measures one that knows the cluster.
func (b *bench) live(ctx context.Context, server *harness.Live, r *result, names string) error {
	var changes int
	idle, _, err := share(server, b.idle, func() error { return nil })
	if err != nil {
		return err
	}
	busy, took, err := share(server, b.busy, func() (err error) {
		changes, err = b.change(ctx)
		return err
	})
	if err != nil {
		return err
	}
	r[idleShare], r[busyShare], r[changesPerSecond] = idle, busy, float64(changes)/took.Seconds()
	scheduler, err := server.StartScheduler(ctx, b.plane)
	if err != nil {
		return err
	}
	defer scheduler.Kill() // nothing it still has to do
	return b.refill(ctx, r, names)
}

// share is how much of a core, in percent, the server spends while something is done, for so long at least.
func share(server *harness.Live, atLeast time.Duration, do func() error) (percent float64, took time.Duration, err error) {
	before, err := server.CPU()
	if err != nil {
		return 0, 0, err
	}
	start := time.Now()
	if err := do(); err != nil {
		return 0, 0, err
	}
	time.Sleep(atLeast - time.Since(start))
	took = time.Since(start)
	after, err := server.CPU()
	return 100 * (after - before).Seconds() / took.Seconds(), took, err
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
func (b *bench) refill(ctx context.Context, r *result, names string) error {
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
		name := fmt.Sprintf("%s-%d", names, i)
		if times[i], err = b.refillOne(ctx, watch, name, victim); err != nil {
			return err
		}
	}
	slices.Sort(times)
	r[refillMedian] = milliseconds(times[len(times)/2])
	r[refill95] = milliseconds(times[(len(times)*95+99)/100-1])
	r[refillMost] = milliseconds(times[len(times)-1])
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
