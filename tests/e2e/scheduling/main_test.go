// SPDX-License-Identifier: Apache-2.0

// Package scheduling tests how pods are placed: by a real kube-scheduler, on nodes that kwok simulates, on a control
// plane of its own.
package scheduling

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

const patience = 30 * time.Second // for whatever should be there in a moment

// One control plane serves all tests, one after the other. Each makes its own nodes and starts its own kube-scheduler.
var suite struct {
	*harness.Suite
	kwok       *harness.Kwok
	namespaces atomic.Int32
}

func TestMain(m *testing.M) {
	os.Exit(harness.RunSuite(m, harness.SuiteOptions{Prepare: func(ctx context.Context, s *harness.Suite) error {
		suite.Suite = s
		var err error
		suite.kwok, err = harness.StartKwok(ctx, s.Plane, os.Getenv("SLICEGATE_KWOK"))
		return err
	}}))
}

// within bounds what a test waits for.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// must ends the test at an error that is not what it is about.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// cluster makes the nodes and a namespace, which last as long as the test, and watches the namespace's pods.
func cluster(t *testing.T, shapes ...harness.NodeShape) (namespace string, pods *harness.PodWatch) {
	t.Helper()
	namespace = fmt.Sprintf("scheduling-%d-%.40s", suite.namespaces.Add(1), notInNames.ReplaceAllString(strings.ToLower(t.Name()), "-"))
	namespace = strings.Trim(namespace, "-")
	must(t, suite.Plane.CreateNamespace(t.Context(), namespace))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := suite.Plane.Clear(ctx, namespace); err != nil {
			t.Error(err)
		}
	})
	_, err := suite.Plane.CreateNodes(t.Context(), shapes...)
	must(t, err)
	pods, err = suite.Plane.WatchPods(t.Context(), namespace)
	must(t, err)
	t.Cleanup(pods.Stop)
	return namespace, pods
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// scheduler starts kube-scheduler for this test.
func scheduler(t *testing.T, options harness.SchedulerOptions) *harness.Scheduler {
	t.Helper()
	s, err := harness.StartScheduler(t.Context(), suite.Plane, options)
	must(t, err)
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the end of %s's log:\n%s", s.Name, s.Tail(20))
		}
	})
	return s
}

// gpus is a request of whole GPUs.
func gpus(count int) map[string]string {
	return map[string]string{"nvidia.com/gpu": fmt.Sprint(count)}
}

// waitEvent waits until somebody has said this about a pod.
func waitEvent(t *testing.T, namespace, pod, reason, text string) {
	t.Helper()
	must(t, harness.Poll(within(t), fmt.Sprintf("an event %s about %s that says %q", reason, pod, text), func() error {
		events, err := suite.Plane.Events(t.Context(), namespace, pod)
		if err != nil {
			return err
		}
		for _, event := range events {
			if event.Reason == reason && strings.Contains(event.Message, text) {
				return nil
			}
		}
		return fmt.Errorf("there are %+v", events)
	}))
}

// mustNotOverfill checks that no node's pods use more of a resource than it has.
func mustNotOverfill(t *testing.T, namespace, resource string, allocatable int) map[string]int {
	t.Helper()
	pods, err := suite.Plane.Pods(t.Context(), namespace, "")
	must(t, err)
	use, err := harness.Use(pods, resource)
	must(t, err)
	for node, used := range use {
		if used > allocatable {
			t.Errorf("%s has %d %s, and its pods use %d", node, allocatable, resource, used)
		}
	}
	return use
}
