// SPDX-License-Identifier: Apache-2.0

package scheduling

import (
	"context"
	"fmt"
	"testing"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

// kube-scheduler alone, without slicegate: what all other tests here rest on.
func TestSchedulerAlone(t *testing.T) {
	const nodes, perNode, pods = 10, 8, 50
	namespace, watch := cluster(t, harness.H100.Whole("h100", nodes, perNode))
	s := scheduler(t, harness.SchedulerOptions{PodMaxBackoffSeconds: 1})

	must(t, suite.Plane.CreatePods(t.Context(), harness.PodShape{Namespace: namespace, Name: "one", Requests: gpus(1)}.Times(pods)...))
	must(t, watch.WaitBound(within(t), pods))
	use := mustNotOverfill(t, namespace, "nvidia.com/gpu", perNode)
	total := 0
	for _, used := range use {
		total += used
	}
	if total != pods {
		t.Errorf("%d pods of one GPU use %d: %v", pods, total, use)
	}

	// More than there is room for: thirty more fit, and the others are told so.
	const room = nodes * perNode
	must(t, suite.Plane.CreatePods(t.Context(), harness.PodShape{Namespace: namespace, Name: "more", Requests: gpus(1)}.Times(40)...))
	must(t, watch.Wait(within(t), "kube-scheduler to have tried all", func() error {
		waiting := 0
		for _, record := range watch.Records() {
			if record.Bound.IsZero() && record.WhyWaiting() != "" {
				waiting++
			}
		}
		if bound := watch.Bound(); bound != room || waiting != pods+40-room {
			return fmt.Errorf("%d are bound, %d wait", bound, waiting)
		}
		return nil
	}))
	mustNotOverfill(t, namespace, "nvidia.com/gpu", perNode)

	// One that is killed and comes back goes on where it was.
	must(t, s.Kill())
	must(t, suite.Plane.DeletePod(t.Context(), namespace, "one-0"))
	must(t, s.Restart(t.Context()))
	must(t, watch.WaitBound(within(t), room+1))
	mustNotOverfill(t, namespace, "nvidia.com/gpu", perNode)
}

// A pod that fits nowhere waits and is told why, and the end of another lets it in.
func TestFullClusterLetsInAfterDeletion(t *testing.T) {
	namespace, watch := cluster(t, harness.H100.Whole("h100", 2, 8))
	scheduler(t, harness.SchedulerOptions{PodInitialBackoffSeconds: 1, PodMaxBackoffSeconds: 1})
	must(t, suite.Plane.CreatePods(t.Context(), harness.PodShape{Namespace: namespace, Name: "eight", Requests: gpus(8)}.Times(2)...))
	must(t, watch.WaitBound(within(t), 2))

	must(t, suite.Plane.CreatePods(t.Context(), harness.PodShape{Namespace: namespace, Name: "waits", Requests: gpus(8)}))
	waitEvent(t, namespace, "waits", "FailedScheduling", "2 Insufficient nvidia.com/gpu")
	if pod, err := suite.Plane.Pod(t.Context(), namespace, "waits"); err != nil || pod.Status.Phase != "Pending" || pod.Spec.NodeName != "" {
		t.Errorf("it should be pending: %+v, %v", pod, err)
	}

	freed := watch.Record(namespace, "eight-0").Spec.NodeName
	must(t, suite.Plane.DeletePod(t.Context(), namespace, "eight-0"))
	record, err := watch.WaitPodBound(within(t), namespace, "waits")
	must(t, err)
	if record.Spec.NodeName != freed {
		t.Errorf("it is on %s, and %s was freed", record.Spec.NodeName, freed)
	}
	gone := watch.Record(namespace, "eight-0").Deleted
	t.Logf("bound %s after the other was seen to be gone", record.Bound.Sub(gone).Round(time.Millisecond))
	if gone.IsZero() || record.Bound.Before(gone) {
		t.Errorf("the other was gone at %s, this one bound at %s", gone, record.Bound)
	}
}

// Labels, taints, priorities and what a device plugin says of a node reach kube-scheduler.
func TestNodesAreWhatTheyAreSaidToBe(t *testing.T) {
	tainted := harness.A100x40.MIGMixed("mig", 1, 2, map[string]int{"1g.5gb": 14})
	tainted.Taints = []harness.Taint{harness.GPUTaint}
	namespace, watch := cluster(t, tainted, harness.T4.TimeSliced("shared", 1, 1, 4, false))
	scheduler(t, harness.SchedulerOptions{PodInitialBackoffSeconds: 1, PodMaxBackoffSeconds: 1})

	slice := harness.PodShape{Namespace: namespace, Name: "slice", Requests: map[string]string{"nvidia.com/mig-1g.5gb": "1"}}
	must(t, suite.Plane.CreatePods(t.Context(), slice))
	waitEvent(t, namespace, "slice", "FailedScheduling", "1 node(s) had untolerated taint")
	slice.Name = "tolerant"
	slice.Tolerations = []harness.Toleration{{Key: "nvidia.com/gpu", Operator: "Exists"}}
	share := harness.PodShape{
		Namespace: namespace, Name: "share", Requests: gpus(1), Priority: -5,
		NodeSelector: map[string]string{"nvidia.com/gpu.product": "Tesla-T4-SHARED"},
	}
	must(t, suite.Plane.CreatePods(t.Context(), append(share.Times(4), slice)...))
	must(t, watch.WaitBound(within(t), 5))
	if node := watch.Record(namespace, "tolerant").Spec.NodeName; node != "mig-0" {
		t.Errorf("a pod of a slice is on %s", node)
	}

	// The device plugin restarts: nothing to hand out, and then everything again.
	must(t, suite.Plane.SetAllocatable(t.Context(), "shared-0", map[string]string{"nvidia.com/gpu": "0"}))
	must(t, suite.Plane.DeletePod(t.Context(), namespace, "share-0"))
	share.Name, share.Priority = "again", 0
	must(t, suite.Plane.CreatePods(t.Context(), share))
	waitEvent(t, namespace, "again", "FailedScheduling", "1 Insufficient nvidia.com/gpu")
	must(t, suite.Plane.SetAllocatable(t.Context(), "shared-0", map[string]string{"nvidia.com/gpu": "4"}))
	_, err := watch.WaitPodBound(within(t), namespace, "again")
	must(t, err)

	// Who is more important drives out who is less, and the watch sees the nomination.
	share.Name, share.Priority = "urgent", 1000
	must(t, suite.Plane.CreatePods(t.Context(), share))
	record, err := watch.WaitPodBound(within(t), namespace, "urgent")
	must(t, err)
	if len(record.Nominations) != 1 || record.Nominations[0] != "shared-0" || record.Spec.Priority != 1000 {
		t.Errorf("preemption should have nominated shared-0: %+v", record)
	}
	mustNotOverfill(t, namespace, "nvidia.com/gpu", 4)
}

// A whole configuration, as an operator would write it for a machine of his own, is used as it stands.
func TestWholeConfiguration(t *testing.T) {
	namespace, watch := cluster(t, harness.L4.Whole("l4", 3, 4))
	scheduler(t, harness.SchedulerOptions{Config: `apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
clientConnection:
  kubeconfig: /etc/kubernetes/scheduler.conf
profiles:
- schedulerName: packer
  pluginConfig:
  - name: NodeResourcesFit
    args:
      scoringStrategy:
        type: MostAllocated
        resources: [{name: nvidia.com/gpu, weight: 10}]
`})
	pods := harness.PodShape{Namespace: namespace, Name: "packed", Requests: gpus(1), SchedulerName: "packer"}
	for _, pod := range pods.Times(4) { // one after the other: each sees the last
		must(t, suite.Plane.CreatePods(t.Context(), pod))
		_, err := watch.WaitPodBound(within(t), namespace, pod.Name)
		must(t, err)
	}
	if use := mustNotOverfill(t, namespace, "nvidia.com/gpu", 4); len(use) != 1 {
		t.Errorf("MostAllocated should fill one node: %v", use)
	}
	must(t, suite.Plane.CreatePods(t.Context(), harness.PodShape{Namespace: namespace, Name: "default", Requests: gpus(1)}))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if record, err := watch.WaitPodBound(ctx, namespace, "default"); err == nil {
		t.Errorf("nobody schedules for the default scheduler, and it is on %s", record.Spec.NodeName)
	}
}
