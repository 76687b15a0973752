// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// Objects from the time before slicegate live on: what was wrong already is at most warned about, whoever touches
// them; what is made worse is refused.
func TestObjectsFromBefore(t *testing.T) {
	noGate(t)
	namespace := newNamespace(t)
	for _, file := range []string{"pod-no-team", "pod-bypass-environment", "deployment-no-team", "pytorchjob-fraction", "raycluster-no-team"} {
		mustKubectl(t, "apply", "-n", namespace, "-f", manifest(file))
	}
	podsOf(t, namespace, 4) // two bare ones, two of the Deployment

	ownGate(t)
	objects := []string{"pod/experiment-17", "pod/free-rider", "deployment/orphan-chat", "pytorchjob/half-pretrain", "raycluster/orphan-tuning"}
	for _, name := range objects {
		t.Run("labels of "+strings.ReplaceAll(name, "/", " "), func(t *testing.T) {
			mustKubectl(t, "label", "-n", namespace, name, "app.kubernetes.io/part-of=platform")
			mustKubectl(t, "annotate", "-n", namespace, name, "example.org/reviewed-by=ada")
			mustKubectl(t, "patch", "-n", namespace, name, "--type=merge", "-p", `{"metadata":{"finalizers":["example.org/held"]}}`)
			mustKubectl(t, "patch", "-n", namespace, name, "--type=merge", "-p", `{"metadata":{"finalizers":[]}}`)
		})
	}

	t.Run("a template changes, the old mistake stays", func(t *testing.T) {
		out := mustKubectl(t, "set", "image", "-n", namespace, "deployment/orphan-chat", "server=registry.example/inference/server:0.12.0")
		if !strings.Contains(strings.Join(out.Warnings(), "\n"), "budget-labels") {
			t.Errorf("the old mistake is worth a warning:\n%s", out)
		}
		// The controller is not held up by a template that was let through.
		eventually(t, "pods with the new image", func() error {
			for _, pod := range podsOf(t, namespace, 4) {
				if pod.Spec.Containers[0].Image == "registry.example/inference/server:0.12.0" {
					return nil
				}
			}
			return fmt.Errorf("none yet")
		})
	})

	t.Run("a new mistake", func(t *testing.T) {
		out := kubectl(t, "set", "env", "-n", namespace, "deployment/orphan-chat", "NVIDIA_VISIBLE_DEVICES=all")
		expectRefusal(t, out, "gpu-bypass")
	})

	t.Run("scale", func(t *testing.T) {
		mustKubectl(t, "scale", "-n", namespace, "deployment/orphan-chat", "--replicas=3")
	})

	t.Run("a controller replaces its pods", func(t *testing.T) {
		mustKubectl(t, "delete", "pods", "-n", namespace, "-l", "app=orphan-chat", "--grace-period=0", "--force")
		podsOf(t, namespace, 2+3)
	})
}

// An owner reference can be written by anybody. It excuses a controller's pods, not a user's.
func TestForgedOwnerIsNoExcuse(t *testing.T) {
	sharedGate(t)
	namespace := newNamespace(t)
	mustKubectl(t, "apply", "-n", namespace, "-f", manifest("deployment-inference"))
	owner := podsOf(t, namespace, 2)[0].Metadata.OwnerReferences[0]
	forged := map[string]any{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{
			"name": "stowaway",
			"ownerReferences": []any{map[string]any{
				"apiVersion": "apps/v1", "kind": owner.Kind, "name": owner.Name, "uid": owner.UID, "controller": true,
			}},
		},
		"spec": map[string]any{"containers": []any{map[string]any{
			"name": "main", "image": "registry.example/research/experiment:17",
			"resources": map[string]any{"limits": map[string]any{"nvidia.com/gpu": "1"}},
		}}},
	}
	answer, err := suite.plane.API.DryRunPod(t.Context(), namespace, forged)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Status == http.StatusCreated || !strings.Contains(answer.Message(), "budget-labels") {
		t.Errorf("%d: %s", answer.Status, answer.Message())
	}
}
