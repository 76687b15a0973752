// SPDX-License-Identifier: Apache-2.0

//go:build realnode

package realnode

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

const manifests = "../../../deploy/manifests/slicegate.yaml"

func TestManifestsAreThoseOfTheChart(t *testing.T) {
	fresh, err := exec.Command("sh", "../../../deploy/manifests.sh", filepath.Join(os.Getenv("SLICEGATE_HELM"), "helm")).Output()
	if err != nil {
		t.Fatal(err)
	}
	if string(fresh) != readFile(t, manifests) {
		t.Error("deploy/manifests is not what the chart makes: run `make manifests`")
	}
}

// The way of docs/install.md without helm.
func TestInstallWithoutHelm(t *testing.T) {
	for _, namespace := range []string{system, users} {
		if out := kubectlInput(t, "", "get", "namespace", namespace); out.Code != 0 {
			mustKubectl(t, "create", "namespace", namespace)
		}
	}
	slicegate := func(args ...string) string {
		out, err := harness.MustSucceed(node.Slicegate(t.Context(), args...))
		if err != nil {
			t.Fatal(err)
		}
		return out.Stdout
	}
	dir := t.TempDir()
	slicegate("certs", "issue", "--dir", dir, "--dns", "slicegate."+system+".svc", "--dns", "slicegate-scheduler."+system+".svc")
	mustKubectl(t, "create", "secret", "tls", "slicegate-tls", "-n", system, "--cert="+dir+"/tls.crt", "--key="+dir+"/tls.key")
	slicegate("certs", "issue", "--dir", dir, "--client", "kube-scheduler", "--reuse-ca")
	mustKubectl(t, "create", "secret", "generic", "slicegate-client-ca", "-n", system, "--from-file="+dir+"/ca.crt")
	mustKubectl(t, "apply", "-f", manifests)
	mustKubectl(t, "rollout", "status", "-n", system, "deployment/"+release, "--timeout=60s")
	webhooks := slicegate("webhook-config", "--service", system+"/"+release, "--ca-bundle", dir+"/ca.crt", "--failure-policy", "Fail")
	if out := kubectlInput(t, webhooks, "apply", "--validate=strict", "-f", "-"); out.Code != 0 {
		t.Fatal(out)
	}
	eventually(t, "the webhooks to be in effect", func() error {
		out := apply(t, gpuPod("half", "nvidia.com/gpu", "500m"), "--dry-run=server")
		if !strings.Contains(out.Stderr, `"gpu.slicegate.dev" denied the request`) {
			return fmt.Errorf("kubectl says:\n%s", out)
		}
		return nil
	})
	mustKubectl(t, "delete", "validatingwebhookconfiguration,mutatingwebhookconfiguration", release)
	mustKubectl(t, "delete", "-f", manifests, "--wait")
	mustKubectl(t, "delete", "secret", "-n", system, "slicegate-tls", "slicegate-client-ca")
	nothingIsLeft(t)
}
