// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The module kube by itself, with a program of its own: what serve makes of it is tested with serve.
func TestKubeModule(t *testing.T) {
	program := filepath.Join(filepath.Dir(os.Getenv("SLICEGATE")), "tests", "e2e", "kube", "kube_live")
	if _, err := os.Stat(program); err != nil {
		t.Fatal(err, "(make test-e2e builds it)")
	}
	cmd := exec.CommandContext(t.Context(), program, "kube-live")
	cmd.Env = append(os.Environ(), "KUBECONFIG="+suite.plane.Kubeconfig)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !strings.Contains(string(out), "all is well") {
		t.Fatal("kube_live:", err)
	}
}
