// SPDX-License-Identifier: Apache-2.0

package scheduling

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

// lease is the heartbeat of a node.
type lease struct {
	Spec struct {
		HolderIdentity string
		RenewTime      time.Time
	}
}

// Simulated nodes do what kubelets would do, and other nodes nothing.
func TestSimulatedNodesLive(t *testing.T) {
	simulated := harness.H100.Whole("simulated", 2, 8)
	simulated.Unready = true
	other := harness.NodeShape{Count: 1, Prefix: "other", Unready: true, Labels: map[string]string{harness.SimulatedLabel: "real"}}
	namespace, watch := cluster(t, simulated, other)
	defer func() { must(t, suite.Plane.DeleteNode(t.Context(), "other-0")) }()
	for _, name := range simulated.Names() {
		must(t, harness.Poll(within(t), name+" to be Ready, with a lease", func() error {
			if ready, err := suite.Plane.NodeReady(t.Context(), name); err != nil || !ready {
				return errors.Join(err, errors.New("not Ready"))
			}
			var held lease
			return suite.Plane.API.Call(t.Context(), http.MethodGet, "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/"+name, nil, &held)
		}))
	}
	scheduler(t, harness.SchedulerOptions{})

	selector := map[string]string{"nvidia.com/gpu.present": "true"}
	must(t, suite.Plane.CreatePods(t.Context(),
		harness.PodShape{Namespace: namespace, Name: "runs", Requests: gpus(1), NodeSelector: selector},
		harness.PodShape{Namespace: namespace, Name: "ends", Requests: gpus(1), NodeSelector: selector, RunsFor: 300 * time.Millisecond},
		harness.PodShape{Namespace: namespace, Name: "elsewhere", Spec: map[string]any{"nodeName": "other-0"}},
	))
	phase := func(name, want string) {
		t.Helper()
		must(t, watch.Wait(within(t), fmt.Sprintf("pod %s to be %s", name, want), func() error {
			record := watch.Record(namespace, name)
			if record == nil || record.Status.Phase != want {
				return fmt.Errorf("it is %+v", record)
			}
			return nil
		}))
	}
	phase("runs", "Running")
	phase("ends", "Succeeded")

	job := map[string]any{
		"apiVersion": "batch/v1", "kind": "Job", "metadata": map[string]any{"name": "job"},
		"spec": map[string]any{"completions": 3, "parallelism": 3, "template": map[string]any{
			"metadata": map[string]any{"annotations": map[string]string{harness.RunsFor: "100ms"}},
			"spec": map[string]any{"restartPolicy": "Never", "containers": []any{map[string]any{
				"name": "main", "image": "registry.example/e2e/main:1",
				"resources": map[string]any{"limits": gpus(1)},
			}}},
		}},
	}
	must(t, suite.Plane.API.Call(t.Context(), http.MethodPost, "/apis/batch/v1/namespaces/"+namespace+"/jobs", job, nil))
	must(t, harness.Poll(within(t), "the job to complete", func() error {
		var status struct {
			Status struct {
				Succeeded      int
				CompletionTime *time.Time
			}
		}
		err := suite.Plane.API.Call(t.Context(), http.MethodGet, "/apis/batch/v1/namespaces/"+namespace+"/jobs/job", nil, &status)
		if err == nil && (status.Status.Succeeded != 3 || status.Status.CompletionTime == nil) {
			err = fmt.Errorf("it is %+v", status)
		}
		return err
	}))

	// A pod that is asked to end is gone only when its node has ended it.
	must(t, suite.Plane.DeletePodGracefully(t.Context(), namespace, "runs"))
	must(t, suite.Plane.DeletePodGracefully(t.Context(), namespace, "elsewhere"))
	must(t, watch.Wait(within(t), "the pod to be gone", func() error {
		if watch.Record(namespace, "runs").Deleted.IsZero() {
			return errors.New("it is there")
		}
		return nil
	}))

	// The other node has no kubelet: nothing becomes Ready, begins or ends there.
	if ready, err := suite.Plane.NodeReady(t.Context(), "other-0"); err != nil || ready {
		t.Errorf("nobody makes it Ready: %v, %v", ready, err)
	}
	if record := watch.Record(namespace, "elsewhere"); record.Status.Phase != "Pending" || !record.Deleted.IsZero() {
		t.Errorf("nobody runs or ends it: %+v", record)
	}
}

// kwok is killed: pods are bound, but none runs, until it is back.
func TestKwokComesBack(t *testing.T) {
	namespace, watch := cluster(t, harness.H100.Whole("h100", 1, 8))
	scheduler(t, harness.SchedulerOptions{})
	must(t, suite.kwok.Kill())
	must(t, suite.Plane.CreatePods(t.Context(), harness.PodShape{Namespace: namespace, Name: "pod", Requests: gpus(1)}))
	record, err := watch.WaitPodBound(within(t), namespace, "pod")
	must(t, err)
	if record.Status.Phase != "Pending" {
		t.Errorf("it is %s on a node without a kubelet", record.Status.Phase)
	}
	must(t, suite.kwok.Restart(t.Context()))
	must(t, watch.Wait(within(t), "the pod to run", func() error {
		if phase := watch.Record(namespace, "pod").Status.Phase; phase != "Running" {
			return errors.New("it is " + phase)
		}
		return nil
	}))
}

// With what watches over nodes in a real cluster, a node is tainted until kwok has made it Ready.
func TestNodeLifecycle(t *testing.T) {
	plane, err := harness.StartControlPlane(t.Context(), os.Getenv("SLICEGATE_CONTROL_PLANE"), filepath.Join(suite.Dir, "lifecycle"),
		harness.PlaneOptions{NodeLifecycle: true})
	must(t, err)
	defer plane.Stop()
	const path = "/api/v1/nodes/node-0"
	var node struct {
		Spec struct{ Taints []harness.Taint }
	}
	_, err = plane.CreateNodes(t.Context(), harness.NodeShape{Count: 1, Prefix: "node", Unready: true})
	must(t, err)
	must(t, plane.API.Call(t.Context(), http.MethodGet, path, nil, &node))
	if len(node.Spec.Taints) != 1 || node.Spec.Taints[0].Key != "node.kubernetes.io/not-ready" {
		t.Errorf("a new node should be tainted: %+v", node)
	}
	kwok, err := harness.StartKwok(t.Context(), plane, os.Getenv("SLICEGATE_KWOK"))
	must(t, err)
	must(t, harness.Poll(within(t), "the taint to be taken away", func() error {
		node.Spec.Taints = nil
		if err := plane.API.Call(t.Context(), http.MethodGet, path, nil, &node); err != nil || len(node.Spec.Taints) > 0 {
			return errors.Join(err, fmt.Errorf("%+v", node.Spec.Taints))
		}
		return nil
	}))
	must(t, kwok.Stop())
}
