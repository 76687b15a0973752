// SPDX-License-Identifier: Apache-2.0

package scheduling

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

// gone are the names of pods that are no more.
func gone(watch *harness.PodWatch) []string {
	var names []string
	for _, record := range watch.Records() {
		if !record.Deleted.IsZero() || record.Metadata.DeletionTimestamp != nil {
			names = append(names, record.Metadata.Name)
		}
	}
	slices.Sort(names)
	return names
}

// on is a pod that must go to one node.
func on(pod harness.PodShape, node string, priority int32) harness.PodShape {
	pod.NodeSelector = map[string]string{"kubernetes.io/hostname": node}
	pod.Priority = priority
	return pod
}

// Who is more important drives out the least harm.
func TestPreemptionDoesTheLeastHarm(t *testing.T) {
	for name, test := range map[string]struct {
		resource string
		unit     int // of what one GPU is
		shape    harness.NodeShape
		flags    []string
	}{
		"plugin": {"nvidia.com/gpu", 1, harness.H100.Whole("node", 3, 4), []string{"--preempt"}},
		// kube-scheduler 1.36 drops a node on which its own count sees no need for victims, so it has to count as well.
		"cards": {milli, 1000, cards("node", 3, 4), []string{"--bind", "--preempt"}},
	} {
		t.Run(name, func(t *testing.T) {
			namespace, watch := cluster(t, test.shape)
			g := live(t)
			scheduler(t, g.config(t, test.flags...))
			// Four small ones on one node, one large and more important one on another, a middling pair on the third.
			pods := []harness.PodShape{on(one(namespace, "important", test.resource, 4*test.unit), "node-1", 500)}
			for i := range 4 {
				pods = append(pods, on(one(namespace, fmt.Sprintf("small-%d", i), test.resource, test.unit), "node-0", 100))
			}
			for i := range 2 {
				pods = append(pods, on(one(namespace, fmt.Sprintf("pair-%d", i), test.resource, 2*test.unit), "node-2", 100))
			}
			must(t, suite.Plane.CreatePods(t.Context(), pods...))
			must(t, watch.WaitBound(within(t), len(pods)))

			urgent := one(namespace, "urgent", test.resource, 2*test.unit)
			urgent.Priority = 1000
			must(t, suite.Plane.CreatePods(t.Context(), urgent))
			record, err := watch.WaitPodBound(within(t), namespace, "urgent")
			must(t, err)
			if out := gone(watch); len(out) != 1 || !strings.HasPrefix(out[0], "pair-") || record.Spec.NodeName != "node-2" {
				t.Errorf("one of the pair would do: %q had to go for a pod on %s", out, record.Spec.NodeName)
			}
			// Nobody is less important than this one.
			humble := one(namespace, "humble", test.resource, test.unit)
			humble.Priority = 50
			must(t, suite.Plane.CreatePods(t.Context(), humble))
			waitRefused(t, watch, 1)
			if out := gone(watch); len(out) != 1 {
				t.Errorf("%q had to go", out)
			}
			mustFit(t, namespace, test.shape)
			if test.resource == milli {
				mustNotShareTooMuch(t, namespace, 4)
			}
			if asked := g.metric(t, "slicegate_extender_requests_total", `verb="preempt"`); asked < 1 {
				t.Errorf("preempt was asked %v times", asked)
			}
		})
	}
}

// Only slicegate knows that no card has 600 left where kube-scheduler's count sees 800: of the four that could go, one of
// low priority that makes room on a card does.
func TestPreemptionKnowsCards(t *testing.T) {
	shape := cards("node", 1, 2)
	namespace, watch := cluster(t, shape)
	g := live(t)
	scheduler(t, g.config(t, "--bind", "--preempt"))
	for i, priority := range []int32{300, 100, 200, 400} {
		pod := one(namespace, fmt.Sprintf("pod-%d", i), milli, 400)
		pod.Priority = priority
		must(t, suite.Plane.CreatePods(t.Context(), pod))
		_, err := watch.WaitPodBound(within(t), namespace, pod.Name)
		must(t, err)
	}
	urgent := one(namespace, "urgent", milli, 600)
	urgent.Priority = 1000
	must(t, suite.Plane.CreatePods(t.Context(), urgent))
	_, err := watch.WaitPodBound(within(t), namespace, "urgent")
	must(t, err)
	if out := gone(watch); !slices.Equal(out, []string{"pod-1"}) {
		t.Errorf("%q had to go", out)
	}
	mustNotShareTooMuch(t, namespace, 2)
	g.mustAgree(t, namespace, 1)
}
