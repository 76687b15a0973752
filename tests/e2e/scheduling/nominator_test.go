// SPDX-License-Identifier: Apache-2.0

package scheduling

import (
	"fmt"
	"testing"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

// nominated waits until the pod of this name is nominated and returns the node.
func nominated(t *testing.T, watch *harness.PodWatch, namespace, name string) string {
	t.Helper()
	node := ""
	must(t, watch.Wait(within(t), name+" to be nominated", func() error {
		if record := watch.Record(namespace, name); record != nil {
			node = record.Status.NominatedNodeName
		}
		if node == "" {
			return fmt.Errorf("it is not")
		}
		return nil
	}))
	return node
}

// Without kube-scheduler, what the nominator does is seen alone: a queue is packed as a whole, the more important first,
// the large before the small; whom it may not advise it leaves alone.
func TestQueueIsNominatedAsAWhole(t *testing.T) {
	namespace, watch := cluster(t, harness.H100.Whole("node", 2, 8))
	term := map[string]any{"topologyKey": "kubernetes.io/hostname", "labelSelector": map[string]any{"matchLabels": map[string]any{"a": "b"}}}
	var left []harness.PodShape
	leave := func(name string, change func(*harness.PodShape)) {
		pod := one(namespace, name, "nvidia.com/gpu", 1)
		pod.Priority = 2000 // first in any queue
		change(&pod)
		left = append(left, pod)
	}
	leave("affinity", func(p *harness.PodShape) {
		p.Spec = map[string]any{"affinity": map[string]any{"podAntiAffinity": map[string]any{
			"requiredDuringSchedulingIgnoredDuringExecution": []any{term},
		}}}
	})
	leave("gated", func(p *harness.PodShape) { p.Gates = []string{"example.com/wait"} })
	leave("others", func(p *harness.PodShape) { p.SchedulerName = "another-scheduler" })
	leave("claims", func(p *harness.PodShape) {
		p.Spec = map[string]any{"resourceClaims": []any{map[string]any{"name": "claim", "resourceClaimName": "none"}}}
	})
	leave("spread", func(p *harness.PodShape) {
		p.Spec = map[string]any{"topologySpreadConstraints": []any{map[string]any{
			"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
			"labelSelector": map[string]any{"matchLabels": map[string]any{"a": "b"}},
		}}}
	})
	leave("volume", func(p *harness.PodShape) {
		p.Spec = map[string]any{"volumes": []any{map[string]any{
			"name": "data", "persistentVolumeClaim": map[string]any{"claimName": "none"},
		}}}
	})
	must(t, suite.Plane.CreatePods(t.Context(), left...))
	// Eight small ones came first and would break both nodes; the important one takes all of a node.
	must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "small", "nvidia.com/gpu", 1).Times(8)...))
	must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "large", "nvidia.com/gpu", 6)))
	important := one(namespace, "important", "nvidia.com/gpu", 8)
	important.Priority = 1000
	must(t, suite.Plane.CreatePods(t.Context(), important))

	g := live(t)
	first, second := nominated(t, watch, namespace, "important"), nominated(t, watch, namespace, "large")
	if first == second {
		t.Errorf("8 and 6 GPUs are both to be on %s", first)
	}
	small := func() (count int) {
		for i := range 8 {
			if node := watch.Record(namespace, fmt.Sprintf("small-%d", i)).Status.NominatedNodeName; node == second {
				count++
			} else if node != "" {
				t.Errorf("a small one is to be on %s, which is full", node)
			}
		}
		return count
	}
	must(t, watch.Wait(within(t), "two small ones to be nominated", func() error {
		if count := small(); count != 2 {
			return fmt.Errorf("%d are", count)
		}
		return nil
	}))
	g.waitMetric(t, "slicegate_nominations_total{", `"made"`, 4)
	g.waitMetric(t, "slicegate_holds{", `"nominated"`, 4)
	time.Sleep(300 * time.Millisecond) // for what must not be
	for _, pod := range left {
		if record := watch.Record(namespace, pod.Name); len(record.Nominations) > 0 {
			t.Errorf("%s is nominated for %v", pod.Name, record.Nominations)
		}
	}
	if made := g.metric(t, "slicegate_nominations_total{", `"made"`); made != 4 || small() != 2 {
		t.Errorf("%v nominations were made", made)
	}

	// kube-scheduler follows. To it those of the highest priority would come first.
	for _, pod := range left {
		must(t, suite.Plane.DeletePod(t.Context(), namespace, pod.Name))
	}
	scheduler(t, g.config(t))
	must(t, watch.WaitBound(within(t), 4))
	for name, node := range map[string]string{"important": first, "large": second} {
		if record, err := watch.WaitPodBound(within(t), namespace, name); err != nil || record.Spec.NodeName != node {
			t.Errorf("%s is on %s, nominated was %s: %v", name, record.Spec.NodeName, node, err)
		}
	}
	g.waitMetric(t, "slicegate_nominated_pods_bound_total", `"hit"`, 4)
	if missed := g.metric(t, "slicegate_nominated_pods_bound_total", `"miss"`); missed != 0 {
		t.Errorf("%v were bound elsewhere", missed)
	}
}

// A nomination that somebody else has made stays; and with --nominate=false there is none at all.
func TestNominationsOfOthersStay(t *testing.T) {
	namespace, watch := cluster(t, harness.H100.Whole("node", 3, 8))
	theirs := one(namespace, "theirs", "nvidia.com/gpu", 1)
	must(t, suite.Plane.CreatePods(t.Context(), theirs))
	must(t, suite.Plane.API.Call(t.Context(), "PATCH", "/api/v1/namespaces/"+namespace+"/pods/theirs/status",
		map[string]any{"status": map[string]any{"nominatedNodeName": "node-2"}}, nil))
	g := live(t)
	must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "ours", "nvidia.com/gpu", 1)))
	nominated(t, watch, namespace, "ours")
	time.Sleep(300 * time.Millisecond)
	if record := watch.Record(namespace, "theirs"); record.Status.NominatedNodeName != "node-2" || len(record.Nominations) != 1 {
		t.Errorf("it is nominated for %v", record.Nominations)
	}
	if made := g.metric(t, "slicegate_nominations_total{", `"made"`); made != 1 {
		t.Errorf("%v were made", made)
	}
	must(t, g.Stop())

	quiet := live(t, "--nominate=false")
	must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "quiet", "nvidia.com/gpu", 1)))
	quiet.waitMetric(t, "slicegate_waiting_pods", "", 3)
	time.Sleep(300 * time.Millisecond)
	if record := watch.Record(namespace, "quiet"); len(record.Nominations) > 0 {
		t.Errorf("it is nominated for %v", record.Nominations)
	}
}

// In a burst kube-scheduler comes to pods before they are advised on. The answer about one of them waits a moment for the
// advice on those behind it, so that few are looked for on all nodes.
func TestOvertakenNominatorCatchesUp(t *testing.T) {
	const pods = 300
	namespace, watch := cluster(t, harness.H100.Whole("node", 60, 8))
	g := live(t, "--nominate-nodes", "60")
	scheduler(t, g.config(t))
	must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "pod", "nvidia.com/gpu", 1).Times(pods)...))
	must(t, watch.WaitBound(within(t), pods))
	followed := 0
	for i := range pods {
		record := watch.Record(namespace, fmt.Sprintf("pod-%d", i))
		if n := len(record.Nominations); n > 0 && record.Nominations[n-1] == record.Spec.NodeName {
			followed++
		}
	}
	awaited := g.metric(t, "slicegate_nominations_awaited_total", "")
	t.Logf("%v answers waited, %v of %v calls were about all nodes", awaited,
		g.metric(t, "slicegate_extender_requests_total", `verb="prioritize"`), g.metric(t, "slicegate_extender_requests_total", `verb="filter"`))
	if awaited < 1 || followed < pods/4 {
		t.Errorf("%v answers waited, %d pods are where they were nominated", awaited, followed)
	}
}
