// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

// slicegate is killed and its webhooks stay, with failurePolicy Fail. Whoever asks for no GPU does not notice.
func TestOutage(t *testing.T) {
	gate := ownGate(t)
	namespace := newNamespace(t)
	mustKubectl(t, "apply", "-n", namespace, "-f", manifest("deployment-inference"))
	mustKubectl(t, "apply", "-n", namespace, "-f", manifest("pod-training"))
	mustKubectl(t, "apply", "-n", namespace, "-f", manifest("pytorchjob-pretraining"))
	podsOf(t, namespace, 3)
	if err := gate.Server.Kill(); err != nil {
		t.Fatal(err)
	}

	t.Run("without a GPU", func(t *testing.T) {
		for _, file := range []string{"pod-cpu-only", "deployment-cpu-only", "pytorchjob-cpu-only", "raycluster-cpu-only"} {
			mustKubectl(t, "apply", "-n", namespace, "-f", manifest(file))
		}
		podsOf(t, namespace, 3+1+2) // the Deployment's own are admitted as well
	})

	// What merely looks like a detour is let through rather than held up.
	t.Run("suspects", func(t *testing.T) {
		for _, file := range []string{"pod-tolerates-everything", "pod-gpu-node-without-gpu", "pod-bypass-environment",
			"pod-bypass-hostpath", "pod-devices-void", "deployment-bypass"} {
			mustKubectl(t, "apply", "-n", namespace, "-f", manifest(file))
		}
	})

	t.Run("with a GPU", func(t *testing.T) {
		other := newNamespace(t)
		for _, file := range []string{"pod-training", "pod-mig-slice", "deployment-inference", "statefulset-index", "job-evaluation",
			"cronjob-retraining", "pytorchjob-pretraining", "raycluster-tuning", "pod-fraction"} {
			out := kubectl(t, "apply", "-n", other, "-f", manifest(file))
			if out.Code == 0 || !strings.Contains(out.Stderr, "failed calling webhook") {
				t.Errorf("the webhook cannot have been asked:\n%s", out)
			}
		}
	})

	// What is stored already was judged when it came. Whatever does not touch what rules read goes on.
	t.Run("updates of what has a GPU", func(t *testing.T) {
		for _, name := range []string{"pod/finetune-llama", "deployment/chat", "pytorchjob/pretrain"} {
			patch := func(more ...string) harness.Output {
				return kubectl(t, append([]string{"patch", "-n", namespace, name, "--type=merge", "-p"}, more...)...)
			}
			for what, more := range map[string][]string{
				"a label":            {`{"metadata":{"labels":{"app.kubernetes.io/part-of":"platform"}}}`},
				"an annotation":      {`{"metadata":{"annotations":{"example.org/reviewed":"yes"}}}`},
				"a finalizer":        {`{"metadata":{"finalizers":["example.org/held"]}}`},
				"a finalizer's end":  {`{"metadata":{"finalizers":[]}}`},
				"the status":         {`{"status":{"conditions":[{"type":"Held","status":"False","reason":"E2E"}]}}`, "--subresource=status"},
				"an owner reference": {`{"metadata":{"ownerReferences":[]}}`},
			} {
				if out := patch(more...); out.Code != 0 {
					t.Errorf("%s of %s cannot be changed:\n%s", what, name, out)
				}
			}
		}
		// What rules do read is not changed unseen: who pays, until when, for what.
		for _, args := range [][]string{
			{"label", "deployment/chat", "slicegate.dev/team=other", "--overwrite"},
			{"annotate", "deployment/chat", "slicegate.dev/expires-at=2199-12-31T00:00:00Z", "--overwrite"},
			{"set", "image", "deployment/chat", "server=registry.example/inference/server:0.12.0"},
			{"label", "pytorchjob/pretrain", "slicegate.dev/team=other", "--overwrite"},
			{"patch", "pytorchjob/pretrain", "--type=merge", "-p", `{"spec":{"runPolicy":{"activeDeadlineSeconds":999999999}}}`},
		} {
			out := kubectl(t, append(args, "-n", namespace)...)
			if out.Code == 0 || !strings.Contains(out.Stderr, "failed calling webhook") {
				t.Errorf("the webhook cannot have been asked:\n%s", out)
			}
		}
	})

	// A number of replicas is nothing that rules read. Scaling down takes three updates: kubectl's of the scale, or of
	// the Deployment itself, and the controller's of the ReplicaSet.
	t.Run("scaling down", func(t *testing.T) {
		mustKubectl(t, "scale", "-n", namespace, "deployment/chat", "--replicas=1")
		mustKubectl(t, "patch", "-n", namespace, "deployment/chat", "--type=merge", "-p", `{"spec":{"replicas":0}}`)
		podsGone(t, namespace, "app=chat", 0)
		for _, patch := range []string{`{"spec":{"pytorchReplicaSpecs":{"Worker":{"replicas":1}}}}`, `{"spec":{"runPolicy":{"suspend":true}}}`} {
			mustKubectl(t, "patch", "-n", namespace, "pytorchjob/pretrain", "--type=merge", "-p", patch)
		}
	})

	t.Run("what runs can end", func(t *testing.T) {
		mustKubectl(t, "delete", "-n", namespace, "pod/finetune-llama", "--grace-period=0", "--wait=false")
		mustKubectl(t, "delete", "-n", namespace, "deployment/chat", "--wait=false")
	})

	t.Run("back again", func(t *testing.T) {
		revived, err := suite.slicegate.Serve(t.Context(), gate.Server.Address, gate.Certs, gate.Inputs)
		if err != nil {
			t.Fatal(err)
		}
		gate.Server = revived
		eventually(t, "GPU pods to be admitted again", func() error {
			out := kubectl(t, "apply", "-n", namespace, "-f", manifest("pod-mig-slice"))
			if out.Code != 0 {
				return errorOf(out)
			}
			return nil
		})
		expectRefusal(t, kubectl(t, "apply", "-n", namespace, "-f", manifest("job-no-team")), "budget-labels")
	})
}
