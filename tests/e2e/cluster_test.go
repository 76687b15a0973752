// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

// What a namespace's labels say holds in the cluster and offline, where the recording has the namespace.
func TestOverrideByNamespaceLabels(t *testing.T) {
	sharedGate(t)
	strict := expectation{file: "pod-no-lifetime", denied: []string{"lifetime"}, says: []string{"spec.activeDeadlineSeconds"}}
	out := kubectl(t, "apply", "-n", "free-tier", "-f", manifest(strict.file))
	strict.check(t, out)
	strict.checkOffline(t, "free-tier", out)

	mild := expectation{file: "pod-no-lifetime", warned: []string{"lifetime"}}
	namespace := newNamespace(t)
	mustKubectl(t, "label", "namespace", namespace, "tier=free") // too late for the recording
	out = kubectl(t, "apply", "-n", namespace, "-f", manifest(mild.file))
	mild.check(t, out)
	mild.checkOffline(t, namespace, out)
}

// Without a recording nobody knows what nodes offer, and nothing is said of it.
func TestWithoutRecordingNothingIsGuessed(t *testing.T) {
	for _, file := range []string{"pod-mig-absent", "pod-mig-not-now", "pod-product-absent", "pod-share-production"} {
		out, err := suite.slicegate.Run(t.Context(), []byte(readManifest(t, file)), "check", "-f", "-", "--policy", suite.inputs.Policy)
		if err != nil {
			t.Fatal(err)
		}
		if out.Code != 0 || !strings.Contains(out.Stdout, "0 denied, 0 with warnings") {
			t.Errorf("%s: something is said:\n%s", file, out)
		}
	}
}

// Nodes and namespaces come after slicegate has started: it reads a new recording by itself.
func TestNewRecordingIsRead(t *testing.T) {
	recording, err := record(t.Context(), "cluster-grows.json")
	if err != nil {
		t.Fatal(err)
	}
	gate := ownGateWith(t, harness.Inputs{Policy: suite.inputs.Policy, Cluster: recording})
	namespace := newNamespace(t)
	slice := []string{"apply", "-n", namespace, "--dry-run=server", "-f", manifest("pod-mig-absent")}
	forever := []string{"apply", "-n", namespace, "--dry-run=server", "-f", manifest("pod-no-lifetime")}
	expectRefusal(t, kubectl(t, slice...), "mig-profile")
	mustKubectl(t, forever...)

	node := map[string]any{
		"apiVersion": "v1", "kind": "Node",
		"metadata": map[string]any{"name": "a100-mig-1", "labels": map[string]any{"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"}},
		"status":   map[string]any{"allocatable": map[string]any{"nvidia.com/mig-3g.20gb": "2"}},
	}
	answer, err := suite.plane.API.Do(t.Context(), http.MethodPost, "/api/v1/nodes", node)
	if err != nil || answer.Status != http.StatusCreated {
		t.Fatalf("%v %d %s", err, answer.Status, answer.Message())
	}
	defer mustKubectl(t, "delete", "node", "a100-mig-1")
	mustKubectl(t, "label", "namespace", namespace, "tier=free")

	if _, err := record(t.Context(), "cluster-grows.json"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the slice of the new node to be known", func() error {
		if out := kubectl(t, slice...); out.Code != 0 || len(out.Warnings()) != 0 {
			return errorOf(out)
		}
		return nil
	})
	expectRefusal(t, kubectl(t, forever...), "lifetime")

	// A broken one changes nothing but the log.
	if err := os.WriteFile(recording, []byte(`{"kind":"List","items":[{"kind":"Node",`), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := gate.Server.WaitForLog(ctx, regexp.MustCompile(`msg="cluster not reloaded.*cluster-grows.json`)); err != nil {
		t.Fatal(err)
	}
	mustKubectl(t, slice...)
	expectRefusal(t, kubectl(t, forever...), "lifetime")
}
