// SPDX-License-Identifier: Apache-2.0

package scheduling

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

// waitUnready waits until /readyz?verbose is a 503 that says all this, and at no time a 200.
func (g *gate) waitUnready(t *testing.T, texts ...string) {
	t.Helper()
	must(t, harness.Poll(within(t), fmt.Sprintf("readyz to say %q", texts), func() error {
		status, have, err := g.Get(t.Context(), "/readyz?verbose")
		if err == nil && status != http.StatusServiceUnavailable {
			err = harness.Permanent(fmt.Errorf("it is %d: %s", status, have))
		}
		for _, text := range texts {
			if err == nil && !strings.Contains(have, text) {
				err = fmt.Errorf("it says %s", have)
			}
		}
		return err
	}))
}

// Nobody is sent to a slicegate that cannot reach kube-apiserver, until it knows the cluster.
func TestUnreadyWithoutAPIServer(t *testing.T) {
	namespace, _ := cluster(t, harness.H100.Whole("node", 2, 8))
	proxy, err := suite.Plane.Proxy()
	must(t, err)
	t.Cleanup(proxy.Stop)
	proxy.Cut()
	g := begun(t, certificates(t), proxy)
	g.waitUnready(t, "[!] feed Node:", "[!] feed Pod:", "[-] cluster: some kind has not been listed yet")
	if status, text, err := g.Get(t.Context(), "/healthz"); err != nil || status != http.StatusOK {
		t.Errorf("it should live: %d %s %v", status, text, err)
	}
	proxy.Restore()
	must(t, g.WaitReady(within(t)))
	g.mustAgree(t, namespace, 2)
}

// One kind that is held back, whichever it is, keeps slicegate from being ready; it becomes so when that has come.
func TestUnreadyUntilEveryKindIsThere(t *testing.T) {
	for path, kind := range map[string]string{
		"/api/v1/nodes": "Node", "/api/v1/pods": "Pod", "/api/v1/namespaces": "Namespace",
		"/apis/resource.k8s.io/v1/resourceslices": "ResourceSlice", "/apis/resource.k8s.io/v1/resourceclaims": "ResourceClaim",
	} {
		t.Run(kind, func(t *testing.T) {
			namespace, _ := cluster(t, harness.H100.Whole("node", 2, 8))
			h := holdback(t)
			h.Hold(func(r *http.Request) bool { return r.URL.Path == path })
			g := begun(t, certificates(t), h)
			_, err := h.Next(within(t))
			must(t, err)
			texts := []string{"[-] cluster: some kind has not been listed yet"}
			for _, other := range []string{"Node", "Pod", "Namespace", "ResourceSlice", "ResourceClaim"} {
				if other != kind {
					texts = append(texts, fmt.Sprintf("[+] feed %s: ", other))
				}
			}
			g.waitUnready(t, texts...)
			h.Hold(nil)
			h.Reset()
			must(t, g.WaitReady(within(t)))
			g.mustAgree(t, namespace, 2)
		})
	}
}
