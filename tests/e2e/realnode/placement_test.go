// SPDX-License-Identifier: Apache-2.0

//go:build realnode

package realnode

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

// kube-scheduler asks the extender through its Service, as the client that the chart made for it, and the pod runs where
// the extender said, bound by it. All of that with the rights of the chart's own ServiceAccount, of which none is idle.
func TestPlacement(t *testing.T) {
	for _, namespace := range []string{system, users} {
		if out := kubectlInput(t, "", "get", "namespace", namespace); out.Code != 0 {
			mustKubectl(t, "create", "namespace", namespace)
		}
	}
	before := len(requests(t)) // a release loses its rights while its pods end
	mustHelm(t, "install", release, chart, "-n", system, "--wait", "--timeout=60s", "--set", "image.pullPolicy=Never,webhook.failurePolicy=Fail")
	defer func() {
		if t.Failed() {
			t.Logf("events:\n%s", mustKubectl(t, "get", "events", "-A"))
			t.Logf("logs:\n%s", kubectlInput(t, "", "logs", "-n", system, "-l", "app.kubernetes.io/name=slicegate", "--tail=50", "--prefix"))
		}
		uninstall(t)
	}()
	serviceAnswers(t, release)
	holder := leader(t, "")

	address := serviceAddress(t, release+"-scheduler")
	client := secret(t, release+"-scheduler-client")
	onlyKnownClients(t, address, client)

	schedulerAsks(t, address, client)

	placed := func(name string) {
		t.Helper()
		if out := apply(t, gpuPod(name, "nvidia.com/gpu", "1")); out.Code != 0 {
			t.Fatalf("this has to be admitted:\n%s", out)
		}
		mustKubectl(t, "wait", "-n", users, "pod/"+name, "--for=condition=Ready", "--timeout=30s")
	}
	placed("first")
	for _, pod := range pods(t) {
		calls := metric(t, pod, "slicegate_extender_requests_total")
		if (calls > 0) != (pod == holder) {
			t.Errorf("%s was asked %v times; %s holds the Lease", pod, calls, holder)
		}
	}

	if out := apply(t, gpuPod("both", "nvidia.com/gpu", "2")); out.Code != 0 {
		t.Fatal(out)
	}
	saysWhyItWaits(t, "both")

	// The Lease goes to the other one, and the Service with it.
	mustKubectl(t, "delete", "pod", "-n", system, holder, "--wait=false")
	start := time.Now()
	leader(t, holder)
	t.Logf("another pod holds the Lease after %s", time.Since(start).Round(time.Millisecond))
	placed("second")
	mustKubectl(t, "delete", "pods", "-n", users, "--all", "--grace-period=1")
	settle(t)
	losesTheLease(t)
	rightsAreNeeded(t, requests(t)[before:])
	for _, pod := range pods(t) {
		if log := mustKubectl(t, "logs", "-n", system, pod); strings.Contains(log, "orbidden") {
			t.Errorf("%s is refused by kube-apiserver:\n%s", pod, log)
		}
	}
	restart(t) // a pod that has not read the cluster yet is not ready, so this holds here as well
}

// schedulerAsks restarts kube-scheduler with the configuration that slicegate prints; after the test it has its own again.
func schedulerAsks(t *testing.T, address string, client map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range client {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config, err := harness.MustSucceed(node.Slicegate(t.Context(), "scheduler-config", "--preempt", "--bind",
		"--url", "https://"+address, "--server-name", release+"-scheduler."+system+".svc",
		"--ca-file", filepath.Join(dir, "ca.crt"), "--cert-file", filepath.Join(dir, "tls.crt"), "--key-file", filepath.Join(dir, "tls.key")))
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Scheduler.Stop(); err != nil {
		t.Fatal(err)
	}
	node.Scheduler, err = harness.StartScheduler(t.Context(), node.ControlPlane, harness.SchedulerOptions{Config: config.Stdout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Scheduler.Stop(); err != nil {
			t.Error(err)
		}
		if node.Scheduler, err = harness.StartScheduler(context.Background(), node.ControlPlane, harness.SchedulerOptions{}); err != nil {
			t.Error(err)
		}
	})
}

// leader waits until the Service for kube-scheduler has one pod behind it, another than the old one, and returns its name.
func leader(t *testing.T, old string) (name string) {
	t.Helper()
	eventually(t, "a pod to hold the Lease", func() error {
		var slices struct {
			Items []struct {
				Endpoints []struct {
					Conditions struct{ Ready bool }
					TargetRef  struct{ Name string }
				}
			}
		}
		text := mustKubectl(t, "get", "endpointslices", "-n", system, "-l", "kubernetes.io/service-name="+release+"-scheduler", "-o", "json")
		if err := json.Unmarshal([]byte(text), &slices); err != nil {
			return harness.Permanent(err)
		}
		var names []string
		for _, slice := range slices.Items {
			for _, endpoint := range slice.Endpoints {
				if endpoint.Conditions.Ready {
					names = append(names, endpoint.TargetRef.Name)
				}
			}
		}
		if len(names) != 1 || names[0] == old {
			return fmt.Errorf("behind the Service: %q", names)
		}
		name = names[0]
		return nil
	})
	return name
}

// onlyKnownClients: whoever shows no certificate of the client authority is not answered.
func onlyKnownClients(t *testing.T, address string, client map[string]string) {
	t.Helper()
	ask := func(certificates ...tls.Certificate) error {
		conn, err := tls.Dial("tcp", address, &tls.Config{
			RootCAs: authorities(client), ServerName: release + "-scheduler." + system + ".svc", Certificates: certificates,
		})
		if err != nil {
			return err
		}
		defer conn.Close()
		// With TLS 1.3 a refusal shows in the first read.
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		fmt.Fprintf(conn, "GET /scheduler/filter HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		_, err = conn.Read(make([]byte, 1))
		return err
	}
	own, err := tls.X509KeyPair([]byte(client["tls.crt"]), []byte(client["tls.key"]))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the client of the chart to be answered", func() error { return ask(own) })
	serving := secret(t, release+"-tls")
	stranger, err := tls.X509KeyPair([]byte(serving["tls.crt"]), []byte(serving["tls.key"]))
	if err != nil {
		t.Fatal(err)
	}
	for name, certificates := range map[string][]tls.Certificate{"nothing": nil, "a certificate of another authority": {stranger}} {
		if ask(certificates...) == nil {
			t.Errorf("who shows %s is answered", name)
		}
	}
}
