// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Another mutating webhook comes after slicegate and changes the pod: kube-apiserver then asks slicegate once more.
func TestReinvocation(t *testing.T) {
	sharedGate(t)
	for name, c := range map[string]struct {
		patch      string
		containers int
	}{
		"a sidecar is injected": {
			patch: `[{"op":"add","path":"/spec/containers/-","value":{"name":"proxy","image":"registry.example/mesh/proxy:1",
				"resources":{"requests":{"cpu":"1","memory":"1Gi"}}}}]`,
			containers: 2,
		},
		"the toleration is lost": {
			patch:      `[{"op":"add","path":"/spec/tolerations","value":[{"key":"example.org/dedicated","operator":"Exists"}]}]`,
			containers: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			namespace := newNamespace(t)
			afterSlicegate(t, namespace, c.patch)
			mustKubectl(t, "apply", "-n", namespace, "-f", manifest("pod-training"))
			stored := object[pod](t, namespace, "pod/finetune-llama")
			if stored.tolerates(gpuTaint) != 1 || len(stored.Spec.Containers) != c.containers {
				t.Errorf("%d tolerations for GPU nodes, %d containers: %+v", stored.tolerates(gpuTaint), len(stored.Spec.Containers), stored.Spec)
			}
		})
	}
}

// afterSlicegate installs a mutating webhook that applies the patch to every pod of the namespace, after slicegate: the
// order is that of the names.
func afterSlicegate(t *testing.T, namespace, patch string) {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review struct{ Request struct{ UID string } }
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{
			"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
			"response": map[string]any{"uid": review.Request.UID, "allowed": true, "patchType": "JSONPatch", "patch": []byte(patch)},
		})
	}))
	t.Cleanup(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	name := "zz-injector-" + namespace
	configuration, err := json.Marshal(map[string]any{
		"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
		"metadata": map[string]any{"name": name},
		"webhooks": []any{map[string]any{
			"name":                    "injector.example.org",
			"clientConfig":            map[string]any{"url": server.URL, "caBundle": ca},
			"admissionReviewVersions": []string{"v1"}, "sideEffects": "None", "failurePolicy": "Fail", "timeoutSeconds": 5,
			"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": namespace}},
			"rules": []any{map[string]any{
				"apiGroups": []string{""}, "apiVersions": []string{"v1"}, "resources": []string{"pods"}, "operations": []string{"CREATE"},
			}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if out := kubectlInput(t, string(configuration), "apply", "-f", "-"); out.Code != 0 {
		t.Fatal(out)
	}
	t.Cleanup(func() {
		// The test's own context has ended; the configuration names a namespace that nobody else uses.
		answer, err := suite.plane.API.Do(context.Background(), http.MethodDelete,
			"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/"+name, nil)
		if err != nil || answer.Status != http.StatusOK {
			t.Errorf("the injector is still there: %v %d", err, answer.Status)
		}
	})
	eventually(t, "the injector to be in effect", func() error {
		answer, err := suite.plane.API.DryRunPod(t.Context(), namespace, map[string]any{
			"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "probe"},
			"spec": map[string]any{"tolerations": []any{}, "containers": []any{map[string]any{"name": "main", "image": "registry.example/probe:1"}}},
		})
		if err != nil {
			return err
		}
		if text := string(answer.Body); !strings.Contains(text, `"proxy"`) && !strings.Contains(text, "example.org/dedicated") {
			return fmt.Errorf("%d: %.300s", answer.Status, answer.Message())
		}
		return nil
	})
}
