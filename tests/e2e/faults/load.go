// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

const (
	backlog = 40              // pods that wait: whoever frees a card frees it for several
	full    = room / 100 * 85 // above it pods end, so that cards are contested
	hands   = 16              // how many pods are ended or made at one time
	tick    = 25 * time.Millisecond
	atOnce  = 6 // pods that end within a tick
)

// sizes are what pods ask for, as often as they stand here: parts of a card, whole cards, several.
var sizes = []int{100, 250, 250, 250, 300, 400, 500, 500, 500, 600, 700, 900, 1000, 1000, 1000, 1000, 2000, 2000, 3000, 4000}

func podOf(space, name string, amount int) harness.PodShape {
	return harness.PodShape{Namespace: space, Name: name, Requests: map[string]string{Resource: fmt.Sprint(amount)}}
}

// load makes pods, as a queue that is never empty, and ends them, as kubelets and users do.
type load struct {
	w       *world
	pods    int // how many to make; what is made again under its name counts too
	random  *rand.Rand
	slots   chan struct{}
	working sync.WaitGroup
	failed  chan error

	created, again, finished, deleted, withdrawn atomic.Int64
	making                                       atomic.Int64 // asked for, and not seen yet
}

func newLoad(w *world, pods int, random *rand.Rand) *load {
	return &load{w: w, pods: pods, random: random, slots: make(chan struct{}, hands), failed: make(chan error, 1)}
}

// run goes on until all pods are made and enough says that it is enough. What waits then is left.
func (l *load) run(ctx context.Context, enough func() bool) error {
	defer l.working.Wait()
	for l.created.Load() < int64(l.pods) || !enough() {
		if err := l.step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// step is one tick.
func (l *load) step(ctx context.Context) error {
	select {
	case err := <-l.failed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case err := <-l.w.ended:
		return fmt.Errorf("the checker sees nothing any more: %w", err)
	case <-time.After(tick):
	}
	waiting, bound := l.look()
	for n := len(waiting) + int(l.making.Load()); n < backlog && l.random.IntN(4) > 0; n++ {
		l.create(ctx, fmt.Sprintf("pod-%d", l.created.Load()))
	}
	l.endSome(ctx, bound)
	if len(waiting) > 0 && l.random.IntN(20) == 0 {
		l.withdraw(ctx, waiting[l.random.IntN(len(waiting))])
	}
	return nil
}

// endSome ends bound pods: many where there are many, and always some, lest pods of several cards wait for ever.
func (l *load) endSome(ctx context.Context, bound []*alive) {
	l.w.mutex.Lock()
	isFull := l.w.bound > full
	l.w.mutex.Unlock()
	count := 0
	if isFull {
		count = atOnce
	} else if l.random.IntN(8) == 0 {
		count = 1
	}
	for range min(count, len(bound)) {
		l.end(ctx, bound[l.random.IntN(len(bound))])
	}
}

// look lists the pods that nobody is about to end.
func (l *load) look() (waiting, bound []*alive) {
	l.w.mutex.Lock()
	defer l.w.mutex.Unlock()
	for _, p := range l.w.pods {
		switch {
		case p.isTaken:
		case p.isBound:
			bound = append(bound, p)
		default:
			waiting = append(waiting, p)
		}
	}
	return waiting, bound
}

// take is false when somebody ends the pod already.
func (l *load) take(p *alive) bool {
	l.w.mutex.Lock()
	defer l.w.mutex.Unlock()
	if p.isTaken {
		return false
	}
	p.isTaken = true
	return true
}

// work does something beside, when there is a hand for it.
func (l *load) work(ctx context.Context, do func() error) {
	l.working.Go(func() {
		l.slots <- struct{}{}
		defer func() { <-l.slots }()
		err := do()
		// Somebody was faster, or a pod of this name is there.
		if err == nil || harness.IsStatus(err, http.StatusNotFound) || harness.IsStatus(err, http.StatusConflict) || ctx.Err() != nil {
			return
		}
		select {
		case l.failed <- err:
		default:
		}
	})
}

func (l *load) create(ctx context.Context, name string) {
	amount := sizes[l.random.IntN(len(sizes))]
	l.created.Add(1)
	l.making.Add(1)
	l.work(ctx, func() error {
		defer l.making.Add(-1)
		return l.w.plane.CreatePods(ctx, podOf(namespace, name, amount))
	})
}

// withdraw deletes a pod that waits, and half of the time makes it again at once.
func (l *load) withdraw(ctx context.Context, p *alive) {
	if !l.take(p) {
		return
	}
	l.withdrawn.Add(1)
	l.delete(ctx, p, l.random.IntN(2) == 0)
}

// end ends a bound pod in one of the ways in which pods end.
func (l *load) end(ctx context.Context, p *alive) {
	if !l.take(p) {
		return
	}
	later := time.Duration(100+l.random.IntN(1500)) * time.Millisecond
	again := l.random.IntN(3) == 0
	switch l.random.IntN(6) {
	case 0, 1: // it succeeds or fails, and is removed some time later
		phase := []string{"Succeeded", "Failed"}[l.random.IntN(2)]
		l.finished.Add(1)
		l.work(ctx, func() error {
			return l.w.plane.SetPodPhase(ctx, namespace, p.name, p.uid, phase)
		})
		l.working.Go(func() {
			if pause(ctx, later) {
				l.delete(ctx, p, false)
			}
		})
	case 2: // it takes its time to end
		l.deleted.Add(1)
		l.work(ctx, func() error { return l.w.plane.DeletePodGracefully(ctx, namespace, p.name) })
		l.working.Go(func() {
			if pause(ctx, later) {
				l.delete(ctx, p, again)
			}
		})
	default:
		l.deleted.Add(1)
		l.delete(ctx, p, again)
	}
}

// delete removes a pod at once, but no other of its name, and makes one of that name again if it shall.
func (l *load) delete(ctx context.Context, p *alive, again bool) {
	amount := p.amount
	if again {
		l.created.Add(1)
		l.making.Add(1)
	}
	l.work(ctx, func() error {
		err := l.w.plane.DeletePodOf(ctx, namespace, p.name, p.uid)
		if !again {
			return err
		}
		defer l.making.Add(-1)
		if err != nil {
			l.created.Add(-1)
			return err
		}
		l.again.Add(1)
		return l.w.plane.CreatePods(ctx, podOf(namespace, p.name, amount))
	})
}
