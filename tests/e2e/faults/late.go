// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

// binding is a Binding that slicegate has sent and that has not arrived.
type binding struct {
	*harness.Held
	name, uid, node string
	cards           []int
}

func readBinding(held *harness.Held) (*binding, error) {
	var body struct {
		Metadata struct {
			Name, UID   string
			Annotations map[string]string
		}
		Target struct{ Name string }
	}
	if err := json.Unmarshal(held.Body, &body); err != nil {
		return nil, fmt.Errorf("%s: %w: %.300s", held.Path, err, held.Body)
	}
	b := &binding{Held: held, name: body.Metadata.Name, uid: body.Metadata.UID, node: body.Target.Name}
	if b.name == "" || b.uid == "" || b.node == "" {
		return nil, fmt.Errorf("%s says neither pod nor node: %.300s", held.Path, held.Body)
	}
	for word := range strings.SplitSeq(body.Metadata.Annotations[devices], ",") {
		index, err := strconv.Atoi(word)
		if err != nil {
			return nil, fmt.Errorf("%s names no cards: %.300s", held.Path, held.Body)
		}
		b.cards = append(b.cards, index)
	}
	return b, nil
}

// keepBindings keeps back what r sends until at least one Binding has come and a moment has passed; none if none comes.
func (w *world) keepBindings(ctx context.Context, r *replica, moment time.Duration) ([]*binding, error) {
	r.requests.Hold(harness.Binding)
	defer r.requests.Hold(nil)
	var kept []*binding
	until := 4 * time.Second
	for {
		limit, cancel := context.WithTimeout(ctx, until)
		held, err := r.requests.Next(limit)
		cancel()
		if err != nil {
			return kept, ctx.Err() // the time is over
		}
		b, err := readBinding(held)
		if err != nil {
			return nil, err
		}
		if len(kept) == 0 {
			until = moment
		}
		if kept = append(kept, b); len(kept) == 8 {
			return kept, nil
		}
	}
}

// landing is when Bindings that were kept back arrive, counted from now.
type landing struct{ from, until time.Duration }

// land lets Bindings arrive in the opposite order: each when its card was given to somebody else while its own pod still
// waits, the moment at which it does most harm, or at last when its time has come. Some arrive twice. The run waits for
// all; who wants to wait for these gets them.
func (c *chaos) land(ctx context.Context, when landing, kept []*binding) *sync.WaitGroup {
	these := &sync.WaitGroup{}
	for i := len(kept) - 1; i >= 0; i-- {
		b, twice := kept[i], c.random.IntN(3) == 0
		order := time.Duration(len(kept)-i) * time.Millisecond
		these.Add(1)
		c.late.Go(func() {
			defer these.Done()
			pause(ctx, when.from+order)
			wasContested := c.waitContested(ctx, b, when.until-when.from)
			c.arrive(ctx, b, wasContested)
			if twice {
				c.arrive(ctx, b, false)
			}
		})
	}
	return these
}

func (c *chaos) waitContested(ctx context.Context, b *binding, limit time.Duration) bool {
	c.w.mutex.Lock()
	p := c.w.pods[b.uid]
	c.w.mutex.Unlock()
	if p == nil {
		return false
	}
	for end := time.Now().Add(limit); time.Now().Before(end) && ctx.Err() == nil; {
		if c.w.isWaiting(b.uid) && c.w.taken(b.node, b.cards, min(p.amount, whole)) {
			return true
		}
		pause(ctx, 5*time.Millisecond)
	}
	return false
}

func (c *chaos) arrive(ctx context.Context, b *binding, wasContested bool) {
	answer, err := b.Release(context.WithoutCancel(ctx))
	if err != nil {
		c.fail(fmt.Errorf("a Binding that was kept back: %w", err))
		return
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if wasContested {
		c.counts["a late Binding arrived when its card was given to another pod"]++
	}
	switch answer.Status {
	case http.StatusCreated:
		c.counts["a late Binding was taken"]++
	case http.StatusConflict, http.StatusNotFound:
		c.counts["a late Binding was refused"]++
	default:
		c.failLocked(errors.New("a Binding that was kept back is answered " + strconv.Itoa(answer.Status) + " " + answer.Message()))
	}
}
