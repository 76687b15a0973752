// SPDX-License-Identifier: Apache-2.0

package scheduling

import (
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

// A server that is killed is back at the same address with the same arguments and environment.
func TestServerRestartsAsItWas(t *testing.T) {
	certs, err := suite.Slicegate.IssueCertificates(t.Context(), "certs-restart")
	must(t, err)
	server, err := suite.Slicegate.ServeWith(t.Context(), harness.ServeOptions{
		Certs: certs, Args: []string{"--drain-seconds", "7"}, Env: []string{"KUBECONFIG=/nowhere"},
	})
	must(t, err)
	defer func() { must(t, server.Stop()) }()
	address, pid := server.Address, server.Pid()
	must(t, server.WaitReady(within(t)))
	must(t, server.Kill())
	if _, _, err := server.Get(t.Context(), "/healthz"); err == nil {
		t.Error("a server that was killed answers")
	}
	must(t, server.Restart(t.Context()))
	must(t, server.WaitReady(within(t)))
	if server.Address != address || server.Pid() == pid {
		t.Errorf("process %d at %s is back as %d at %s", pid, address, server.Pid(), server.Address)
	}
	if status, text, err := server.Get(t.Context(), "/healthz"); err != nil || status != http.StatusOK {
		t.Errorf("%d %s %v", status, text, err)
	}
	for file, texts := range map[string][]string{
		"cmdline": {"\x00--drain-seconds\x007\x00", "\x00--listen\x00" + address + "\x00"}, "environ": {"KUBECONFIG=/nowhere\x00"},
	} {
		have, err := os.ReadFile("/proc/" + strconv.Itoa(server.Pid()) + "/" + file)
		must(t, err)
		for _, text := range texts {
			if !strings.Contains(string(have), text) {
				t.Errorf("%q is not in its %s: %q", text, file, have)
			}
		}
	}
}

// The identity that slicegate gets in a cluster has the rights that its manifests give, and no others.
func TestServiceAccountHasItsRightsOnly(t *testing.T) {
	kubeconfig, err := suite.Plane.ServiceAccount(t.Context(), "slicegate-system", "reader", "testdata/reader-rbac.yaml")
	must(t, err)
	path, err := suite.Slicegate.WriteSecret("reader.kubeconfig", []byte(kubeconfig))
	must(t, err)
	for args, allowed := range map[string]bool{
		"get nodes": true, "get --raw /api/v1/nodes?limit=1": true, "get pods -A": false, "get secrets -n slicegate-system": false,
		"create namespace never": false,
	} {
		out, err := suite.Plane.Kubectl(t.Context(), append([]string{"--kubeconfig", path}, strings.Fields(args)...)...)
		must(t, err)
		if (out.Code == 0) != allowed {
			t.Errorf("that this is allowed should be %v: %s", allowed, out)
		}
		const who = `User "system:serviceaccount:slicegate-system:reader"`
		if !allowed && !strings.Contains(out.Stderr, who) {
			t.Errorf("the refusal is not of %s: %s", who, out)
		}
	}
}
