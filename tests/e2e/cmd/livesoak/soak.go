// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

const (
	namespace = "soak"
	gpu       = "nvidia.com/gpu"
	gpusEach  = 8
	hopeless  = 10 // pods that fit nowhere: slicegate says so in Events, once they are some seconds old

	resetEvery = 3  // cycles: the connections to kube-apiserver break while pods are bound
	forgetful  = 25 // cycles: kube-apiserver is another, which knows no events from before, so that mostly all is listed again
	patience   = 2 * time.Minute
)

// soak is a slicegate at work.
type soak struct {
	plane    *harness.ControlPlane
	server   *harness.Live
	line     *harness.Proxy // between slicegate and kube-apiserver
	watch    *harness.PodWatch
	nodes    []string
	pods     int // of a cycle: an eighth more than there are GPUs
	cycle    int
	bound    int // in all cycles
	resets   int
	restarts int
}

func (r *runner) run(ctx context.Context) error {
	s := &soak{plane: r.suite.Plane, pods: r.nodes * (gpusEach + 1)}
	if err := s.plane.CreateNamespace(ctx, namespace); err != nil {
		return err
	}
	var err error
	if s.nodes, err = s.plane.CreateNodes(ctx, harness.H100.Whole("first", r.nodes, gpusEach)); err != nil {
		return err
	}
	if s.line, err = s.plane.Proxy(); err != nil {
		return err
	}
	defer s.line.Stop()
	s.server, err = r.suite.Slicegate.ServeLive(ctx, s.plane, harness.LiveOptions{
		RBAC: "scheduling/testdata/slicegate-rbac.yaml", Way: s.line.Through,
		Args: []string{"--nominate-nodes", "0"}, // so that all pods are advised on, with so few nodes too
	})
	if err != nil {
		return err
	}
	err = s.work(ctx, r.duration)
	return errors.Join(err, s.server.Stop())
}

func (s *soak) work(ctx context.Context, duration time.Duration) error {
	if err := s.server.WaitReady(ctx); err != nil {
		return err
	}
	scheduler, err := s.server.StartScheduler(ctx, s.plane, "--bind")
	if err != nil {
		return err
	}
	defer scheduler.Kill() // nothing it still has to do
	for i := range hopeless {
		if err := s.makeHopeless(ctx, i); err != nil {
			return err
		}
	}
	var samples []sample
	start := time.Now()
	told := start
	for time.Since(start) < duration {
		if err := s.turn(ctx, scheduler); err != nil {
			return fmt.Errorf("cycle %d: %w\n%s", s.cycle, err, s.server.Tail(10))
		}
		now, err := take(s.server)
		if err != nil {
			return err
		}
		samples = append(samples, now)
		if time.Since(told) >= 30*time.Second {
			told = time.Now()
			fmt.Printf("%4.0f s: %d cycles, %d pods bound, %d KiB resident, %d files\n", time.Since(start).Seconds(), s.cycle, s.bound, now.kib, now.files)
		}
	}
	if err := s.mustHaveWorked(ctx); err != nil {
		return err
	}
	text, err := judge(samples)
	fmt.Printf("%d pods bound in %d cycles, connections broken %d times, kube-apiserver started anew %d times: %s\n",
		s.bound, s.cycle, s.resets, s.restarts, text)
	return err
}

// turn is a cycle: all GPUs are taken and some pods wait, some that run are deleted and those that waited take their place,
// a node is replaced, all pods are deleted. Names and labels are those of this cycle, as those of a ReplicaSet are
// its own; the amounts are some that come again.
func (s *soak) turn(ctx context.Context, scheduler *harness.Scheduler) (err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s.cycle++
	if s.cycle%forgetful == 0 {
		if err := s.forget(ctx, scheduler); err != nil {
			return err
		}
	}
	if s.watch, err = s.plane.WatchPods(ctx, namespace); err != nil {
		return err
	}
	defer s.watch.Stop()
	room := len(s.nodes) * gpusEach
	if s.cycle%resetEvery == 0 {
		s.resets++
		reset := make(chan error, 1)
		go func() {
			err := s.watch.WaitBound(ctx, room/2)
			s.line.Reset()
			reset <- err
		}()
		defer func() { err = errors.Join(err, <-reset) }()
	}
	shapes := harness.PodShape{
		Namespace: namespace, Name: fmt.Sprintf("pod-%d", s.cycle), Labels: map[string]string{"pod-template-hash": fmt.Sprintf("hash-%d", s.cycle)},
		Requests: map[string]string{gpu: "1", "cpu": fmt.Sprintf("%dm", 1000+100*(s.cycle%8)), "memory": "1Gi"},
	}.Times(s.pods)
	if err := s.plane.CreatePods(ctx, shapes...); err != nil {
		return err
	}
	if err := s.watch.WaitBound(ctx, room); err != nil {
		return err
	}
	if err := s.waitRefused(ctx, s.pods-room+hopeless); err != nil {
		return err
	}
	if err := s.exchange(ctx, s.pods-room); err != nil {
		return err
	}
	if err := s.watch.WaitBound(ctx, s.pods); err != nil {
		return err
	}
	s.bound += s.pods
	return s.clear(ctx)
}

// waitRefused waits until so many pods were told that they fit nowhere.
func (s *soak) waitRefused(ctx context.Context, count int) error {
	return s.watch.Wait(ctx, fmt.Sprintf("%d pods to be refused", count), func() error {
		refused := 0
		for _, record := range s.watch.Records() {
			if record.Bound.IsZero() && record.WhyWaiting() != "" {
				refused++
			}
		}
		if refused < count {
			return fmt.Errorf("%d are", refused)
		}
		return nil
	})
}

// exchange deletes as many pods that are bound as wait.
func (s *soak) exchange(ctx context.Context, count int) error {
	for _, record := range s.watch.Records() {
		if count == 0 {
			return nil
		}
		if !record.Bound.IsZero() {
			if err := s.plane.DeletePod(ctx, namespace, record.Metadata.Name); err != nil {
				return err
			}
			count--
		}
	}
	return fmt.Errorf("%d pods too few are bound", count)
}

// clear leaves the cluster as it was before the cycle, with other names, and waits until slicegate knows.
func (s *soak) clear(ctx context.Context) error {
	if err := s.plane.DeletePodsOf(ctx, namespace, "pod-template-hash"); err != nil {
		return err
	}
	if err := s.plane.DeletePod(ctx, namespace, hopelessName(s.cycle-1)); err != nil {
		return err
	}
	if err := s.makeHopeless(ctx, s.cycle-1+hopeless); err != nil {
		return err
	}
	if err := s.plane.DeleteNode(ctx, s.nodes[0]); err != nil {
		return err
	}
	made, err := s.plane.CreateNodes(ctx, harness.H100.Whole(fmt.Sprintf("node-%d", s.cycle), 1, gpusEach))
	if err != nil {
		return err
	}
	s.nodes = append(s.nodes[1:], made...)
	return harness.Poll(ctx, "slicegate to know the cluster as it is", func() error {
		now, err := s.server.Metrics(ctx)
		if err != nil {
			return err
		}
		for what, want := range map[[2]string]int{
			{"slicegate_state_objects{", `kind="Pod"`}: hopeless, {"slicegate_state_objects{", `kind="Node"`}: len(s.nodes),
			{"slicegate_waiting_pods", ""}: hopeless, {"slicegate_holds{", ""}: 0,
			{"slicegate_state_drift", ""}: 0, {"slicegate_excess_nodes", ""}: 0,
		} {
			if have := now.Sum(what[0], what[1]); int(have) != want {
				return fmt.Errorf("%s%s is %v, not %d", what[0], what[1], have, want)
			}
		}
		return nil
	})
}

func hopelessName(number int) string { return fmt.Sprintf("hopeless-%d", number) }

func (s *soak) makeHopeless(ctx context.Context, number int) error {
	return s.plane.CreatePods(ctx, harness.PodShape{
		Namespace: namespace, Name: hopelessName(number), Requests: map[string]string{gpu: fmt.Sprint(gpusEach + 1)},
	})
}

// forget starts kube-apiserver anew while slicegate cannot hear it, so that its watches mostly cannot go on.
func (s *soak) forget(ctx context.Context, scheduler *harness.Scheduler) error {
	s.restarts++
	s.line.Cut()
	if err := s.plane.RestartAPIServer(ctx); err != nil {
		return err
	}
	s.line.Restore()
	// The watches of kube-scheduler have just broken too.
	return errors.Join(scheduler.Restart(ctx), s.server.WaitReady(ctx))
}

// mustHaveWorked: a run in which little happens would prove little.
func (s *soak) mustHaveWorked(ctx context.Context) error {
	now, err := s.server.Metrics(ctx)
	if err != nil {
		return err
	}
	for what, least := range map[[2]string]int{
		{"slicegate_extender_requests_total", `verb="bind",result="bound"`}: s.bound * 9 / 10, // the rest when connections broke
		{"slicegate_nominations_total{", `"made"`}:                          s.cycle,
		{"slicegate_pod_events_total{", `"posted"`}:                         hopeless,
		{"slicegate_feed_stories_total{", `kind="Pod",story="watched"`}:     s.resets,
		{"slicegate_feed_stories_total{", `kind="Pod",story="listed"`}:      s.restarts * 3 / 4, // the rest when the new kube-apiserver let the watch go on, from etcd
	} {
		if have := now.Sum(what[0], what[1]); int(have) < least {
			return fmt.Errorf("%s%s is %v, at least %d were to be", what[0], what[1], have, least)
		}
	}
	return nil
}
