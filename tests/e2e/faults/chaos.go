// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

// fault is something that goes wrong and is mended again.
type fault struct {
	name string
	do   func(c *chaos, ctx context.Context, r *replica) error // r is the one that answers kube-scheduler
}

var faults = []fault{
	{"slicegate killed", func(c *chaos, ctx context.Context, r *replica) error { return c.kill(ctx, r) }},
	{"slicegate killed, its Bindings arrive later", (*chaos).killThenLand},
	{"slicegate ended in peace", func(_ *chaos, ctx context.Context, r *replica) error {
		r.mutex.Lock()
		defer r.mutex.Unlock()
		if err := r.Stop(); err != nil {
			return err
		}
		return r.Restart(ctx)
	}},
	{"Bindings taken, their answers lost", (*chaos).loseAnswers},
	{"Bindings late, their connection reset", func(c *chaos, ctx context.Context, r *replica) error {
		return c.lateBindings(ctx, r, landing{0, c.between(1000, 6000)})
	}},
	{"a pod made again while its Binding is under way", (*chaos).remake},
	{"API server cut off", func(c *chaos, ctx context.Context, r *replica) error {
		r.line.Cut()
		pause(ctx, c.between(100, 2500))
		r.line.Restore()
		return nil
	}},
	{"API server silent", func(c *chaos, ctx context.Context, r *replica) error {
		r.line.Swallow()
		pause(ctx, c.between(100, 2500))
		r.line.Restore()
		return nil
	}},
	{"API server slow", func(c *chaos, ctx context.Context, r *replica) error {
		r.line.Slow(c.between(10, 200))
		pause(ctx, c.between(500, 2000))
		r.line.Slow(0)
		return nil
	}},
	{"watches of pods bring nothing", func(c *chaos, ctx context.Context, r *replica) error {
		r.requests.Deafen()
		pause(ctx, c.between(500, 2500))
		r.line.Reset() // what they missed they are told when they go on
		return nil
	}},
	{"kube-scheduler killed", func(c *chaos, ctx context.Context, _ *replica) error {
		if err := c.w.scheduler.Kill(); err != nil {
			return err
		}
		return c.w.scheduler.Restart(ctx)
	}},
	{"extender cut off", func(c *chaos, ctx context.Context, _ *replica) error {
		c.w.service.Cut()
		pause(ctx, c.between(100, 2000))
		c.w.service.Restore()
		return nil
	}},
	{"extender's answers lost", func(c *chaos, _ context.Context, _ *replica) error {
		c.w.service.Reset()
		return nil
	}},
	{"extender silent", func(c *chaos, ctx context.Context, _ *replica) error {
		c.w.service.Swallow()
		pause(ctx, c.between(100, 1500))
		c.w.service.Restore()
		return nil
	}},
	{"extender slow", func(c *chaos, ctx context.Context, _ *replica) error {
		c.w.service.Slow(c.between(10, 150))
		pause(ctx, c.between(500, 2000))
		c.w.service.Slow(0)
		return nil
	}},
}

// veryLate takes longer than a hold of slicegate stands, so it is not in short runs.
var veryLate = fault{"Bindings late by more than half a minute", func(c *chaos, ctx context.Context, r *replica) error {
	return c.lateBindings(ctx, r, landing{31 * time.Second, 50 * time.Second})
}}

// chaos lets things fail, one after the other; what was kept back arrives beside.
type chaos struct {
	w      *world
	random *rand.Rand
	deck   []fault
	rounds int // in which each fault happened once
	late   sync.WaitGroup

	mutex  sync.Mutex
	counts map[string]int
	failed error
	done   chan struct{} // closed when something has failed that must not
}

func newChaos(w *world, random *rand.Rand, isShort bool) *chaos {
	c := &chaos{w: w, random: random, deck: faults, counts: map[string]int{}, done: make(chan struct{})}
	if !isShort {
		c.deck = append(c.deck[:len(c.deck):len(c.deck)], veryLate)
	}
	return c
}

// run goes on until ctx ends, and leaves everything mended. Late Bindings may still be under way: see wait.
func (c *chaos) run(ctx context.Context) {
	for ctx.Err() == nil {
		for _, i := range c.random.Perm(len(c.deck)) {
			if !pause(ctx, c.between(150, 900)) {
				return
			}
			r := c.w.holder(ctx)
			for r == nil && pause(ctx, 50*time.Millisecond) {
				r = c.w.holder(ctx)
			}
			if r == nil {
				return
			}
			f := c.deck[i]
			// It is finished and mended even if the run ends meanwhile.
			if err := f.do(c, context.WithoutCancel(ctx), r); err != nil {
				c.fail(fmt.Errorf("%s: %w", f.name, err))
				return
			}
			c.count(f.name)
		}
		c.mutex.Lock()
		c.rounds++
		c.mutex.Unlock()
	}
}

// wait waits until all late Bindings have arrived.
func (c *chaos) wait() { c.late.Wait() }

func (c *chaos) hadRound() bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.rounds > 0
}

func (c *chaos) count(what string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.counts[what]++
}

func (c *chaos) fail(err error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.failLocked(err)
}

func (c *chaos) failLocked(err error) {
	if c.failed == nil {
		c.failed = err
		close(c.done)
	}
}

func (c *chaos) between(least, most int) time.Duration {
	return time.Duration(least+c.random.IntN(most-least+1)) * time.Millisecond
}

// kill ends a slicegate in the middle of whatever it does. With a second one that is to take over, it stays away until
// that one answers, every other time.
func (c *chaos) kill(ctx context.Context, r *replica) error {
	if err := r.kill(); err != nil {
		return err
	}
	if len(c.w.replicas) > 1 && c.random.IntN(2) == 0 {
		for end := time.Now().Add(patience); c.w.holder(ctx) == nil; pause(ctx, 50*time.Millisecond) {
			if time.Now().After(end) {
				return fmt.Errorf("no other replica has taken the Lease in %s", patience)
			}
		}
	} else {
		pause(ctx, c.between(0, 300))
	}
	return r.restart(ctx)
}

// killThenLand: what a slicegate has sent before it is killed arrives when its successor decides already.
func (c *chaos) killThenLand(ctx context.Context, r *replica) error {
	kept, err := c.w.keepBindings(ctx, r, c.between(0, 100))
	if err != nil {
		return err
	}
	if err := c.kill(ctx, r); err != nil {
		return err
	}
	c.land(ctx, landing{0, 12 * time.Second}, kept).Wait()
	return nil
}

// loseAnswers: Bindings are written, and who sent them never hears of it.
func (c *chaos) loseAnswers(ctx context.Context, r *replica) error {
	kept, err := c.w.keepBindings(ctx, r, c.between(0, 100))
	if err != nil {
		return err
	}
	for _, b := range kept {
		c.arrive(ctx, b, false)
	}
	pause(ctx, c.between(0, 300))
	r.line.Reset()
	return nil
}

// lateBindings: who sent them sees a reset, and they arrive nevertheless.
func (c *chaos) lateBindings(ctx context.Context, r *replica, when landing) error {
	kept, err := c.w.keepBindings(ctx, r, c.between(0, 100))
	if err != nil {
		return err
	}
	r.line.Reset()
	c.land(ctx, when, kept)
	return nil
}

// remake: the Binding is for a pod that is gone when it arrives; another has its name.
func (c *chaos) remake(ctx context.Context, r *replica) error {
	kept, err := c.w.keepBindings(ctx, r, 0)
	if err != nil {
		return err
	}
	for _, b := range kept {
		err := c.w.plane.DeletePodOf(ctx, namespace, b.name, b.uid)
		if err == nil {
			err = c.w.plane.CreatePods(ctx, podOf(namespace, b.name, sizes[c.random.IntN(len(sizes))]))
		}
		if err != nil && !harness.IsStatus(err, 404) && !harness.IsStatus(err, 409) {
			return err
		}
		c.arrive(ctx, b, false)
	}
	r.line.Reset()
	return nil
}
