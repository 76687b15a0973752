// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

// What a policy only wants to be noted is in the audit log of the API server, and nowhere else.
func TestAuditFindingsAreInTheAuditLog(t *testing.T) {
	sharedGate(t)
	const name = "unbalanced"
	object := strings.NewReplacer("finetune-llama", name, `requests: {cpu: "8", memory: 64Gi}`, `requests: {}`,
		`cpu: "8", memory: 64Gi, `, "").Replace(readManifest(t, "pod-training"))
	out := kubectlInput(t, object, "apply", "-n", "notebooks", "-f", "-")
	if out.Code != 0 || out.Stderr != "" {
		t.Fatalf("nothing is to be said to the user:\n%s", out)
	}
	eventually(t, "the creation in the audit log", func() error {
		text, err := os.ReadFile(suite.plane.AuditLog)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			var event struct {
				ObjectRef   struct{ Namespace, Name string }
				Annotations map[string]string
			}
			if json.Unmarshal([]byte(line), &event) != nil || event.ObjectRef.Namespace != "notebooks" || event.ObjectRef.Name != name {
				continue
			}
			for key, value := range event.Annotations {
				if strings.HasSuffix(key, "slicegate.dev/host-balance") && strings.Contains(value, "spec.containers[0].resources") {
					return nil
				}
			}
			t.Fatalf("no finding of host-balance in %s", line)
		}
		return errors.New("it is not there yet")
	})
}
