// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"
	"testing"
)

// A container that is added later is looked at as well: an ephemeral one cannot ask for a GPU, only take it.
func TestEphemeralContainerCannotBypass(t *testing.T) {
	sharedGate(t)
	for file, pod := range map[string]string{"pod-cpu-only": "web", "pod-training": "finetune-llama"} {
		t.Run(file, func(t *testing.T) {
			namespace := newNamespace(t)
			mustKubectl(t, "apply", "-n", namespace, "-f", manifest(file))

			debug := func(args ...string) []string {
				return append([]string{"debug", "-n", namespace, "pod/" + pod, "--image=registry.example/tools/debug:1", "--attach=false", "--profile=general"}, args...)
			}
			expectRefusal(t, kubectl(t, debug("--container=taker", "--env=NVIDIA_VISIBLE_DEVICES=all")...),
				"gpu-bypass", "spec.ephemeralContainers[0]", "NVIDIA_VISIBLE_DEVICES")
			mustKubectl(t, debug("--container=looker")...)
			mustKubectl(t, debug("--container=void", "--env=NVIDIA_VISIBLE_DEVICES=void")...)
		})
	}
}

// What a rule asked for at creation cannot be taken away afterwards.
func TestStoredPodIsHeldToItsLabels(t *testing.T) {
	sharedGate(t)
	namespace := newNamespace(t)
	mustKubectl(t, "apply", "-n", namespace, "-f", manifest("pod-training"))
	expectRefusal(t, kubectl(t, "label", "-n", namespace, "pod/finetune-llama", "slicegate.dev/team-"),
		"budget-labels", "metadata.labels[slicegate.dev/team]")
	mustKubectl(t, "label", "-n", namespace, "pod/finetune-llama", "app.kubernetes.io/part-of=platform")
	mustKubectl(t, "apply", "-n", namespace, "-f", manifest("pod-cpu-only"))
	expectRefusal(t, kubectl(t, "patch", "-n", namespace, "pod/web", "--type=json",
		"-p", `[{"op":"add","path":"/spec/tolerations/-","value":{"key":"nvidia.com/gpu","operator":"Exists"}}]`),
		"gpu-node-use", "spec.tolerations")
}

// The wildcard is named as what it is.
func TestWildcardTolerationIsNamed(t *testing.T) {
	sharedGate(t)
	out := kubectl(t, "apply", "-n", newNamespace(t), "-f", manifest("pod-tolerates-everything"))
	expectRefusal(t, out, "gpu-node-use", "spec.tolerations[0]")
	if text := strings.ToLower(out.Stderr); !strings.Contains(text, "every taint") && !strings.Contains(text, "wildcard") {
		t.Errorf("it does not say that the toleration holds for every taint:\n%s", out)
	}
}
