// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

// Options say what a run is like.
type Options struct {
	Pods     int    // to make, at least: a run ends after whole rounds of faults
	Seed     uint64 // of the load and of the order of faults; when what happens meets what, no seed decides
	Replicas int    // 1, or 2 with a Lease
	Short    bool   // leaves out what takes longer than half a minute
	RBAC     string // path of the manifest of slicegate's rights
	Progress io.Writer
}

// Report is what happened.
type Report struct {
	Options
	Planted                                      int // bugs that the checker had to find first
	Created, Again, Finished, Deleted, Withdrawn int // pods
	Bound                                        int
	Faults                                       map[string]int
	Rounds                                       int
	Findings                                     []Finding
	Took                                         time.Duration
}

// Doubles is how often a card was given to more pods than it has room for.
func (r *Report) Doubles() (n int) {
	for _, finding := range r.Findings {
		if finding.Kind == Double {
			n++
		}
	}
	return n
}

func (r *Report) String() string {
	text := fmt.Sprintf("seed %d, %d replicas: %d planted bugs found; %d pods made (%d of them again under a name), %d bound, %d ended, %d deleted, %d withdrawn while they waited, in %s\n",
		r.Seed, r.Replicas, r.Planted, r.Created, r.Again, r.Bound, r.Finished, r.Deleted, r.Withdrawn, r.Took.Round(time.Second))
	for _, name := range slices.Sorted(maps.Keys(r.Faults)) {
		text += fmt.Sprintf("%6d  %s\n", r.Faults[name], name)
	}
	for _, finding := range r.Findings {
		text += finding.String() + "\n"
	}
	return text + fmt.Sprintf("%d double allocations, %d findings", r.Doubles(), len(r.Findings))
}

// Run plants bugs, which must be found, then lets pods and faults loose, and checks that no card was given twice and that
// all pods were bound once the faults had ended. Findings are in the report; an error is anything else that went wrong.
func Run(ctx context.Context, suite *harness.Suite, options Options) (report *Report, err error) {
	report = &Report{Options: options}
	if report.Planted, err = PlantBugs(ctx, suite.Plane); err != nil {
		return report, err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	start := time.Now()
	w, err := makeWorld(watching, suite, options)
	if w != nil {
		defer func() { err = errors.Join(err, w.stop()) }()
	}
	if err != nil {
		return report, err
	}
	r := &running{
		world: w, load: newLoad(w, options.Pods, rand.New(rand.NewPCG(options.Seed, 1))),
		chaos: newChaos(w, rand.New(rand.NewPCG(options.Seed, 2)), options.Short), start: start, options: options,
	}
	err = r.run(ctx)
	r.fill(report)
	return report, err
}

type running struct {
	*world
	load    *load
	chaos   *chaos
	options Options
	start   time.Time
}

func (r *running) run(ctx context.Context) error {
	leading, stopLeading := context.WithCancel(ctx)
	defer stopLeading()
	if len(r.replicas) > 1 {
		go r.lead(leading)
	}
	go r.progress(leading)
	failing, stopFailing := context.WithCancel(ctx)
	stopped := make(chan struct{})
	go func() { r.chaos.run(failing); close(stopped) }()
	loading, stopLoading := context.WithCancelCause(ctx)
	defer stopLoading(nil)
	go func() {
		select {
		case <-r.chaos.done:
			stopLoading(r.chaos.failed)
		case <-loading.Done():
		}
	}()
	err := r.load.run(loading, r.chaos.hadRound)
	stopFailing()
	<-stopped
	r.chaos.wait()
	if err != nil || r.chaos.failed != nil {
		return errors.Join(r.chaos.failed, err)
	}
	return r.settle(ctx)
}

// settle checks that nothing was lost: without faults all that waits is bound, while pods go on to end, and slicegate
// knows the cluster as it is.
func (r *running) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*patience)
	defer cancel()
	ending, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for pause(ending, 4*tick) {
			_, bound := r.load.look()
			r.load.endSome(ending, bound)
		}
	}()
	err := r.waitAllBound(ctx)
	stop()
	<-ended
	r.load.working.Wait()
	if err != nil {
		return err
	}
	// What was made again at the very end.
	if err := r.waitAllBound(ctx); err != nil {
		return err
	}
	return r.waitAgreed(ctx)
}

// waitAllBound waits until no pod waits.
func (w *world) waitAllBound(ctx context.Context) error {
	return harness.Poll(ctx, "all pods to be bound, without faults", func() error {
		w.mutex.Lock()
		defer w.mutex.Unlock()
		var waiting []string
		for _, p := range w.pods {
			if !p.isBound {
				waiting = append(waiting, fmt.Sprintf("%s (%d)", p.name, p.amount))
			}
		}
		slices.Sort(waiting)
		if len(waiting) > 0 {
			return fmt.Errorf("%d wait: %.600s", len(waiting), fmt.Sprint(waiting))
		}
		return nil
	})
}

// waitAgreed waits until slicegate knows that nothing waits and holds nothing, and checks that it had nothing to mend.
func (w *world) waitAgreed(ctx context.Context) error {
	return harness.Poll(ctx, "slicegate to know the cluster as it is", func() error {
		for _, r := range w.replicas {
			for _, name := range []string{"slicegate_waiting_pods", "slicegate_holds{", "slicegate_state_drift", "slicegate_excess_nodes"} {
				have, err := r.Metric(ctx, name, "")
				if err != nil {
					return err
				}
				if have != 0 {
					return fmt.Errorf("%s of %s is %v", name, r.Name, have)
				}
			}
		}
		return nil
	})
}

func (r *running) fill(report *Report) {
	report.Took = time.Since(r.start)
	report.Created, report.Again = int(r.load.created.Load()), int(r.load.again.Load())
	report.Finished, report.Deleted, report.Withdrawn = int(r.load.finished.Load()), int(r.load.deleted.Load()), int(r.load.withdrawn.Load())
	r.mutex.Lock()
	report.Bound, report.Findings = r.checker.Bound, slices.Clone(r.checker.Findings)
	r.mutex.Unlock()
	r.chaos.mutex.Lock()
	report.Faults, report.Rounds = maps.Clone(r.chaos.counts), r.chaos.rounds
	r.chaos.mutex.Unlock()
}

// progress says every ten seconds how far it is.
func (r *running) progress(ctx context.Context) {
	for r.options.Progress != nil && pause(ctx, 10*time.Second) {
		var now Report
		r.fill(&now)
		r.mutex.Lock()
		filled := r.bound * 100 / room
		r.mutex.Unlock()
		fmt.Fprintf(r.options.Progress, "%4.0f s: %d of %d pods made, %d bound, %d %% of the cards given, %d rounds of faults, %d findings\n",
			now.Took.Seconds(), now.Created, r.options.Pods, now.Bound, filled, now.Rounds, len(now.Findings))
	}
}
