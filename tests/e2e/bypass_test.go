// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"
	"testing"
)

// A container that is added later is looked at as well: an ephemeral one cannot ask for a GPU, only take it.
func TestEphemeralContainerCannotBypass(t *testing.T) {
	sharedGate(t)
	namespace := newNamespace(t)
	mustKubectl(t, "apply", "-n", namespace, "-f", manifest("pod-cpu-only"))

	debug := func(args ...string) []string {
		return append([]string{"debug", "-n", namespace, "pod/web", "--image=registry.example/tools/debug:1", "--attach=false", "--profile=general"}, args...)
	}
	expectRefusal(t, kubectl(t, debug("--container=taker", "--env=NVIDIA_VISIBLE_DEVICES=all")...),
		"gpu-bypass", "spec.ephemeralContainers[0]", "NVIDIA_VISIBLE_DEVICES")
	mustKubectl(t, debug("--container=looker")...)
	mustKubectl(t, debug("--container=void", "--env=NVIDIA_VISIBLE_DEVICES=void")...)
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
