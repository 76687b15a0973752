// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"slices"
	"testing"
)

var gpuTaint = func(t toleration) bool {
	return t.Key == "nvidia.com/gpu" && t.Operator == "Exists" && (t.Effect == "NoSchedule" || t.Effect == "")
}

// A pod with a GPU is stored with the toleration that it did not write.
func TestPodGetsToleration(t *testing.T) {
	sharedGate(t)
	namespace := newNamespace(t)
	// MIG pods too: Kubernetes' own plugin would tolerate nvidia.com/mig-1g.10gb, which no node is tainted with.
	for file, name := range map[string]string{"pod-training": "finetune-llama", "pod-mig-slice": "embedding-worker"} {
		mustKubectl(t, "apply", "-n", namespace, "-f", manifest(file))
		if stored := object[pod](t, namespace, "pod/"+name); !slices.ContainsFunc(stored.Spec.Tolerations, gpuTaint) {
			t.Errorf("%s has no toleration for GPU nodes: %+v", name, stored.Spec.Tolerations)
		}
		applyAgain(t, namespace, file, "pod/"+name)
		if stored := object[pod](t, namespace, "pod/"+name); stored.tolerates(gpuTaint) != 1 {
			t.Errorf("%s has the toleration %d times: %+v", name, stored.tolerates(gpuTaint), stored.Spec.Tolerations)
		}
	}
}

// A pod without a GPU is stored as it was written.
func TestPodWithoutGPUIsLeftAlone(t *testing.T) {
	sharedGate(t)
	namespace := newNamespace(t)
	mustKubectl(t, "apply", "-n", namespace, "-f", manifest("pod-cpu-only"))
	if stored := object[pod](t, namespace, "pod/web"); slices.ContainsFunc(stored.Spec.Tolerations, gpuTaint) {
		t.Errorf("it tolerates GPU nodes now: %+v", stored.Spec.Tolerations)
	}
}

// A template is stored as it was written, so that GitOps tools see no drift. Its pods get what they need.
func TestTemplateIsLeftAlone(t *testing.T) {
	sharedGate(t)
	namespace := newNamespace(t)
	mustKubectl(t, "apply", "-n", namespace, "-f", manifest("deployment-inference"))
	if stored := object[deployment](t, namespace, "deployment/chat"); len(stored.Spec.Template.Spec.Tolerations) != 0 {
		t.Errorf("the template was changed: %+v", stored.Spec.Template.Spec)
	}
	if diff := kubectl(t, "diff", "-n", namespace, "-f", manifest("deployment-inference")); diff.Code != 0 {
		t.Errorf("kubectl sees a drift:\n%s", diff)
	}
	for _, pod := range podsOf(t, namespace, 2) {
		if !slices.ContainsFunc(pod.Spec.Tolerations, gpuTaint) {
			t.Errorf("%s has no toleration for GPU nodes: %+v", pod.Metadata.Name, pod.Spec.Tolerations)
		}
	}
}

// What owns the pods of a workload can be any controller: those of a StatefulSet and a Job get the toleration as well.
func TestPodsOfEveryControllerGetToleration(t *testing.T) {
	sharedGate(t)
	for _, file := range []string{"statefulset-index", "job-evaluation"} {
		namespace := newNamespace(t)
		mustKubectl(t, "apply", "-n", namespace, "-f", manifest(file))
		for _, pod := range podsOf(t, namespace, 2) {
			if !slices.ContainsFunc(pod.Spec.Tolerations, gpuTaint) {
				t.Errorf("%s has no toleration for GPU nodes: %+v", pod.Metadata.Name, pod.Spec.Tolerations)
			}
		}
	}
}

// A bare pod that nothing ends gets the deadline of the policy; who has one, or a controller, keeps what was written.
func TestBarePodGetsDeadline(t *testing.T) {
	sharedGate(t)
	const namespace = "notebooks" // the policy gives 8 hours there
	deadline := func(name string) int64 {
		stored := object[pod](t, namespace, name)
		if stored.Spec.ActiveDeadlineSeconds == nil {
			return 0
		}
		return *stored.Spec.ActiveDeadlineSeconds
	}
	for file, want := range map[string]struct {
		name    string
		seconds int64
	}{
		"pod-no-lifetime": {"pod/notebook-ada", 8 * 3600},
		"pod-training":    {"pod/finetune-llama", 86400},
		"pod-cpu-only":    {"pod/web", 0},
	} {
		mustBeSilent(t, mustKubectl(t, "apply", "-n", namespace, "-f", manifest(file)))
		applyAgain(t, namespace, file, want.name)
		if got := deadline(want.name); got != want.seconds {
			t.Errorf("%s ends after %d s, not %d", want.name, got, want.seconds)
		}
	}

	mustKubectl(t, "apply", "-n", namespace, "-f", manifest("deployment-inference"))
	for _, pod := range podsOf(t, namespace, 3+2) {
		if len(pod.Metadata.OwnerReferences) > 0 && pod.Spec.ActiveDeadlineSeconds != nil {
			t.Errorf("%s, a controller's, ends after %d s", pod.Metadata.Name, *pod.Spec.ActiveDeadlineSeconds)
		}
	}
}

// applyAgain applies a file once more, which must be no change: nothing that was added is in the way. (kubectl calls
// a pod "configured" that asks for the number 1 where "1" is stored; its version tells.)
func applyAgain(t *testing.T, namespace, file, name string) {
	t.Helper()
	before := object[pod](t, namespace, name)
	mustBeSilent(t, mustKubectl(t, "apply", "-n", namespace, "-f", manifest(file)))
	if after := object[pod](t, namespace, name); after.Metadata.ResourceVersion != before.Metadata.ResourceVersion {
		t.Errorf("applied again, %s changes from\n%+v\nto\n%+v", name, before, after)
	}
}
