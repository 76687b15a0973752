// SPDX-License-Identifier: Apache-2.0

package scheduling

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

// admitting is slicegate behind a proxy, and kube-apiserver asks it about every pod.
func admitting(t *testing.T, args ...string) (*gate, *harness.Proxy) {
	t.Helper()
	policy, err := filepath.Abs("testdata/admission-policy.yaml")
	must(t, err)
	g, proxy := proxied(t, append([]string{"--policy", policy}, args...)...)
	admission, err := harness.Admit(t.Context(), suite.Plane, g.Server, g.certs, harness.Inputs{Policy: policy})
	must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
		defer cancel()
		if err := admission.Lower(ctx); err != nil {
			t.Error(err)
		}
	})
	return g, proxy
}

// dryRun is what kube-apiserver says to whoever would make the pod.
func dryRun(t *testing.T, pod harness.PodShape) harness.Answer {
	t.Helper()
	answer, err := suite.Plane.API.DryRunPod(t.Context(), pod.Namespace, pod.Object(""))
	must(t, err)
	return answer
}

// waitAnswer waits for the answer about a pod that judge has nothing against.
func waitAnswer(t *testing.T, pod harness.PodShape, what string, judge func(harness.Answer) bool) {
	t.Helper()
	must(t, harness.Poll(within(t), fmt.Sprintf("%s %s", pod.Name, what), func() error {
		if answer := dryRun(t, pod); !judge(answer) {
			return fmt.Errorf("the answer is %d %.1000s, warnings %q", answer.Status, answer.Message(), answer.Warnings)
		}
		return nil
	}))
}

func waitAdmitted(t *testing.T, pod harness.PodShape) {
	t.Helper()
	waitAnswer(t, pod, "to be let in", func(answer harness.Answer) bool {
		return answer.Status == http.StatusCreated && len(answer.Warnings) == 0
	})
}

func waitDenied(t *testing.T, pod harness.PodShape, why string) {
	t.Helper()
	waitAnswer(t, pod, "to be denied", func(answer harness.Answer) bool {
		return answer.Status >= http.StatusBadRequest && strings.Contains(answer.Message(), "denied the request") &&
			strings.Contains(answer.Message(), why)
	})
}

func waitWarned(t *testing.T, pod harness.PodShape, texts ...string) {
	t.Helper()
	waitAnswer(t, pod, "to be warned about", func(answer harness.Answer) bool {
		said := strings.Join(answer.Warnings, "\n")
		for _, text := range texts {
			if !strings.Contains(said, text) {
				return false
			}
		}
		return answer.Status == http.StatusCreated
	})
}

// label sets a label of a node or of a namespace; nil takes it away.
func label(t *testing.T, path string, labels map[string]any) {
	t.Helper()
	must(t, suite.Plane.API.Call(t.Context(), http.MethodPatch, path, map[string]any{"metadata": map[string]any{"labels": labels}}, nil))
}

// Admission judges by the cluster as it is: nodes that come, are labelled anew and go, and the labels of namespaces, change
// what is refused, and what a request is made into.
func TestAdmissionFollowsTheCluster(t *testing.T) {
	namespace, _ := cluster(t, harness.H100.Whole("whole", 1, 8))
	const never = "no node in this cluster can ever provide `mig-3g.20gb`"
	slice := one(namespace, "slice", "nvidia.com/mig-3g.20gb", 1)
	admitting(t)

	// A profile that no node has, until one has it.
	waitDenied(t, slice, never)
	small := one(namespace, "small", "nvidia.com/gpu", 1)
	small.Annotations = map[string]string{"slicegate.dev/gpu-memory": "12Gi"}
	asked := func() map[string]string { // what /mutate has made of it
		t.Helper()
		var pod harness.Pod
		must(t, json.Unmarshal(dryRun(t, small).Body, &pod))
		return pod.Spec.Containers[0].Resources.Requests
	}
	if requests := asked(); requests["nvidia.com/gpu"] != "1" {
		t.Errorf("a GPU was made into %v where there are no slices", requests)
	}
	_, err := suite.Plane.CreateNodes(t.Context(), harness.A100x40.MIGMixed("cut", 1, 2, map[string]int{"3g.20gb": 4}))
	must(t, err)
	waitAdmitted(t, slice)
	if requests := asked(); requests["nvidia.com/mig-3g.20gb"] != "1" {
		t.Errorf("a small need was not made into a slice that is there: %v", requests)
	}
	must(t, suite.Plane.DeleteNode(t.Context(), "cut-0"))
	waitDenied(t, slice, never)

	// What the policy matches by.
	label(t, "/api/v1/namespaces/"+namespace, map[string]any{"tier": "lenient"})
	waitAdmitted(t, slice)
	label(t, "/api/v1/namespaces/"+namespace, map[string]any{"tier": nil})
	waitDenied(t, slice, never)

	// The product that a pod names, on the node or not.
	const node = "/api/v1/nodes/whole-0"
	named := func(gpu harness.GPU) harness.PodShape {
		pod := one(namespace, "named", "nvidia.com/gpu", 1)
		pod.NodeSelector = map[string]string{"nvidia.com/gpu.product": gpu.Product}
		return pod
	}
	absent := "no node of this cluster has nvidia.com/gpu.product "
	waitAdmitted(t, named(harness.H100))
	waitDenied(t, named(harness.A100x80), absent+harness.A100x80.Product)
	label(t, node, map[string]any{"nvidia.com/gpu.product": harness.A100x80.Product, "nvidia.com/gpu.memory": "81920"})
	waitAdmitted(t, named(harness.A100x80))
	waitDenied(t, named(harness.H100), absent+harness.H100.Product)

	// A GPU of its own, or a share of one.
	production := one(namespace, "production", "nvidia.com/gpu", 1)
	production.Labels = map[string]string{"slicegate.dev/environment": "production"}
	waitAdmitted(t, production)
	label(t, node, map[string]any{"nvidia.com/gpu.replicas": "4", "nvidia.com/gpu.sharing-strategy": "time-slicing"})
	waitDenied(t, production, "is a share of a GPU on every node of this cluster that offers it")
	label(t, node, map[string]any{"nvidia.com/gpu.replicas": "1", "nvidia.com/gpu.sharing-strategy": "none"})
	waitAdmitted(t, production)
}

// A cluster that has not been heard of for too long refuses nothing by what it showed: it warns, and says so. What needs no
// cluster is refused as ever.
func TestAdmissionOfLostClusterWarns(t *testing.T) {
	namespace, _ := cluster(t, harness.H100.Whole("whole", 1, 8))
	g, proxy := admitting(t, "--stale-seconds", "2")
	const never = "no node in this cluster can ever provide `mig-3g.20gb`"
	slice := one(namespace, "slice", "nvidia.com/mig-3g.20gb", 1)
	named := one(namespace, "named", "nvidia.com/gpu", 1)
	named.NodeSelector = map[string]string{"nvidia.com/gpu.product": harness.A100x80.Product}
	waitDenied(t, slice, never)
	waitDenied(t, named, "no node of this cluster has")

	proxy.Cut()
	waitWarned(t, slice, never, "the cluster was last heard of", "not refused for that")
	waitWarned(t, named, "no node of this cluster has", "not refused for that")
	waitDenied(t, one(namespace, "twice", "nvidia.com/mig-3g.20xb", 1), "is not the name of a MIG profile")
	g.mustSay(t, "what it showed refuses nothing, only warns")

	proxy.Restore()
	waitDenied(t, slice, never)
	waitDenied(t, named, "no node of this cluster has")
}
