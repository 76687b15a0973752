// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// PodRecord is what a watch has seen of one pod. The times are those at which it saw them; zero is not yet.
type PodRecord struct {
	Pod // as it was last seen

	Created, Bound, Deleted time.Time
	Nominations             []string // the nodes that were nominated for it, each as it changed
}

// PodWatch follows pods. One that is deleted, and made again under its name, has two records.
type PodWatch struct {
	plane     *ControlPlane
	namespace string
	cancel    context.CancelFunc
	done      chan struct{}

	mutex   sync.Mutex
	records map[string]*PodRecord // by UID
	order   []string              // UIDs, as they appeared
	version string                // where to go on
	bound   int
	changed chan struct{} // closed at the next change
	err     error         // why it ended by itself
}

// WatchPods follows the pods of a namespace, or of all with "", from now on until Stop. What is there already is
// recorded as if it came now.
func (c *ControlPlane) WatchPods(ctx context.Context, namespace string) (*PodWatch, error) {
	w := &PodWatch{
		plane: c, namespace: namespace, done: make(chan struct{}),
		records: map[string]*PodRecord{}, changed: make(chan struct{}),
	}
	if err := w.list(ctx); err != nil {
		return nil, err
	}
	ctx, w.cancel = context.WithCancel(ctx)
	go w.follow(ctx)
	return w, nil
}

// Stop ends the watch. Its records stay.
func (w *PodWatch) Stop() {
	w.cancel()
	<-w.done
}

func (w *PodWatch) list(ctx context.Context) error {
	var pods struct {
		Metadata struct{ ResourceVersion string }
		Items    []Pod
	}
	if err := w.plane.API.Call(ctx, http.MethodGet, podsPath(w.namespace), nil, &pods); err != nil {
		return err
	}
	there := map[string]bool{}
	for i := range pods.Items {
		there[pods.Items[i].Metadata.UID] = true
		w.note("ADDED", &pods.Items[i])
	}
	for _, record := range w.Records() {
		if !there[record.Metadata.UID] && record.Deleted.IsZero() {
			w.note("DELETED", &record.Pod)
		}
	}
	w.version = pods.Metadata.ResourceVersion
	return nil
}

// follow goes on where a watch ended, for kube-apiserver ends each after some minutes, and all when it is restarted.
func (w *PodWatch) follow(ctx context.Context) {
	defer close(w.done)
	failures := 0
	for {
		before := w.version
		err := w.watch(ctx)
		if IsStatus(err, http.StatusGone) {
			err = w.list(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		failures++
		if err == nil || w.version != before {
			failures = 0
		}
		if failures > 50 { // ten seconds without an answer
			w.mutex.Lock()
			w.err = fmt.Errorf("the watch of pods has ended: %w", err)
			w.wake()
			w.mutex.Unlock()
			return
		}
		if err != nil {
			select {
			case <-time.After(200 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
}

func (w *PodWatch) watch(ctx context.Context) error {
	return w.plane.streamPods(ctx, w.namespace, w.version, func(event string, pod *Pod) {
		w.version = pod.Metadata.ResourceVersion
		if event != "BOOKMARK" {
			w.note(event, pod)
		}
	})
}

func (w *PodWatch) note(what string, pod *Pod) {
	now := time.Now()
	w.mutex.Lock()
	defer w.mutex.Unlock()
	record := w.records[pod.Metadata.UID]
	if record == nil {
		record = &PodRecord{Created: now}
		w.records[pod.Metadata.UID] = record
		w.order = append(w.order, pod.Metadata.UID)
	}
	if node := pod.Status.NominatedNodeName; node != "" && node != record.Status.NominatedNodeName {
		record.Nominations = append(record.Nominations, node)
	}
	record.Pod = *pod
	if pod.Spec.NodeName != "" && record.Bound.IsZero() {
		record.Bound = now
		w.bound++
	}
	if what == "DELETED" {
		record.Deleted = now
	}
	w.wake()
}

func (w *PodWatch) wake() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// Records are copies of all records, in the order in which the pods appeared.
func (w *PodWatch) Records() []PodRecord {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	all := make([]PodRecord, len(w.order))
	for i, uid := range w.order {
		all[i] = *w.records[uid]
	}
	return all
}

// Record is the record of the last pod of a name; nil if there was none.
func (w *PodWatch) Record(namespace, name string) *PodRecord {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for i := len(w.order) - 1; i >= 0; i-- {
		record := w.records[w.order[i]]
		if record.Metadata.Name == name && record.Metadata.Namespace == namespace {
			found := *record
			return &found
		}
	}
	return nil
}

// Bound is how many pods have ever been bound.
func (w *PodWatch) Bound() int {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.bound
}

// Wait waits until try is content, which it asks whenever something has changed.
func (w *PodWatch) Wait(ctx context.Context, what string, try func() error) error {
	start := time.Now()
	for {
		w.mutex.Lock()
		changed, ended := w.changed, w.err
		w.mutex.Unlock()
		err := try()
		if err == nil {
			return nil
		}
		if ended != nil {
			return fmt.Errorf("waiting for %s: %w; %w", what, ended, err)
		}
		select {
		case <-changed:
		case <-w.done:
			if w.stopped() {
				return fmt.Errorf("waiting for %s: the watch is stopped; %w", what, err)
			}
		case <-ctx.Done():
			return fmt.Errorf("waited %s for %s: %w; the last try: %w", time.Since(start).Round(time.Millisecond), what, ctx.Err(), err)
		}
	}
}

func (w *PodWatch) stopped() bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.err == nil
}

// WaitBound waits until so many pods have ever been bound.
func (w *PodWatch) WaitBound(ctx context.Context, count int) error {
	return w.Wait(ctx, fmt.Sprintf("%d pods to be bound", count), func() error {
		if bound := w.Bound(); bound < count {
			return fmt.Errorf("%d are", bound)
		}
		return nil
	})
}

// WaitPodBound waits until the pod of this name is bound and returns its record.
func (w *PodWatch) WaitPodBound(ctx context.Context, namespace, name string) (PodRecord, error) {
	var found PodRecord
	err := w.Wait(ctx, fmt.Sprintf("pod %s/%s to be bound", namespace, name), func() error {
		record := w.Record(namespace, name)
		if record == nil {
			return errors.New("it is not there")
		}
		if record.Bound.IsZero() {
			return fmt.Errorf("it is not: %s", record.WhyWaiting())
		}
		found = *record
		return nil
	})
	return found, err
}
