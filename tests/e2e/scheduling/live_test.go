// SPDX-License-Identifier: Apache-2.0

package scheduling

import (
	"fmt"
	"strings"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

// gate is a slicegate that follows the cluster under its own ServiceAccount, and kube-scheduler's extender.
type gate struct {
	*harness.Server
	certs    harness.Certificates
	extender string // host:port
}

// live starts slicegate with the rights that testdata/slicegate-rbac.yaml gives, and waits until it knows the cluster.
func live(t *testing.T, args ...string) *gate {
	t.Helper()
	return liveThrough(t, nil, args...)
}

// way is what may stand between slicegate and kube-apiserver.
type way interface {
	Through(kubeconfig string) string
}

// liveThrough is live with a proxy between slicegate and kube-apiserver, unless that is nil.
func liveThrough(t *testing.T, proxy way, args ...string) *gate {
	t.Helper()
	return replica(t, certificates(t), proxy, args...)
}

// certificates are those of a server and of its kube-scheduler.
func certificates(t *testing.T) harness.Certificates {
	t.Helper()
	certs, err := suite.Slicegate.IssueCertificates(t.Context(), fmt.Sprintf("certs-live-%d", suite.namespaces.Add(1)))
	must(t, err)
	must(t, suite.Slicegate.IssueClientCertificate(t.Context(), certs, "kube-scheduler"))
	return certs
}

// replica is one of several that share their certificates.
func replica(t *testing.T, certs harness.Certificates, proxy way, args ...string) *gate {
	t.Helper()
	g := begun(t, certs, proxy, args...)
	must(t, g.WaitReady(within(t)))
	return g
}

// begun is a replica that may not be ready yet.
func begun(t *testing.T, certs harness.Certificates, proxy way, args ...string) *gate {
	t.Helper()
	kubeconfig, err := suite.Plane.ServiceAccount(t.Context(), "slicegate-system", "slicegate", "testdata/slicegate-rbac.yaml")
	must(t, err)
	if proxy != nil {
		kubeconfig = proxy.Through(kubeconfig)
	}
	path, err := suite.Slicegate.WriteSecret("slicegate.kubeconfig", []byte(kubeconfig))
	must(t, err)
	addresses, err := harness.FreeAddresses(1)
	must(t, err)
	g := &gate{certs: certs, extender: addresses[0]}
	g.Server, err = suite.Slicegate.ServeWith(t.Context(), harness.ServeOptions{
		Certs: certs, Args: append([]string{
			"--live", "--kubeconfig", path, "--extender-listen", g.extender, "--extender-client-ca", certs.CA(),
		}, args...),
	})
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of %s's log:\n%s", g.Name, g.Tail(30))
		}
		if err := g.Stop(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// options are kube-scheduler's when it asks this extender about these resources.
func (g *gate) options(weight int, more string, resources ...string) harness.SchedulerOptions {
	var managed []string
	for _, name := range resources {
		managed = append(managed, fmt.Sprintf("{name: %s}", name))
	}
	return harness.SchedulerOptions{
		PercentageOfNodesToScore: 100, PodInitialBackoffSeconds: 1, PodMaxBackoffSeconds: 1,
		Extenders: fmt.Sprintf(`- urlPrefix: https://%s/scheduler
  filterVerb: filter
  prioritizeVerb: prioritize
  weight: %d
  nodeCacheCapable: true
  enableHTTPS: true
  tlsConfig: {caFile: %s, certFile: %s, keyFile: %s}
  managedResources: [%s]
%s`, g.extender, weight, g.certs.CA(), g.certs.ClientLeaf(), g.certs.ClientKey(), strings.Join(managed, ", "), more),
	}
}

// metric is the sum of a metric's series whose labels contain this text.
func (g *gate) metric(t *testing.T, name, labels string) float64 {
	t.Helper()
	sum, err := g.Metric(t.Context(), name, labels)
	must(t, err)
	return sum
}

// used is how many pods each node has.
func used(t *testing.T, namespace, resource string, allocatable int) (use map[string]int, total int) {
	t.Helper()
	use = mustNotOverfill(t, namespace, resource, allocatable)
	for _, n := range use {
		total += n
	}
	return use, total
}

// The thinnest way through everything: pods of one GPU each land on as few nodes as hold them, whether kube-scheduler is
// advised ahead or asks.
func TestPodsArePacked(t *testing.T) {
	for _, nominate := range []bool{false, true} {
		t.Run(fmt.Sprintf("nominate=%v", nominate), func(t *testing.T) {
			namespace, watch := cluster(t, harness.H100.Whole("pack", 6, 8))
			g := live(t, fmt.Sprintf("--nominate=%v", nominate), "--nominate-nodes=0")
			scheduler(t, g.options(120, "", "nvidia.com/gpu"))
			one := harness.PodShape{Namespace: namespace, Name: "one", Requests: gpus(1)}
			must(t, suite.Plane.CreatePods(t.Context(), one.Times(20)...))
			must(t, watch.WaitBound(within(t), 20))
			use, total := used(t, namespace, "nvidia.com/gpu", 8)
			most := 3
			if nominate { // a nomination that comes too late is given up, and has kept its room from others meanwhile
				most++
			}
			if total != 20 || len(use) > most {
				t.Errorf("20 pods of one GPU are on %d nodes of 8: %v", len(use), use)
			}
			if !nominate && g.metric(t, "slicegate_extender_requests_total", `verb="filter"`) < 20 {
				t.Errorf("filter was asked %v times", g.metric(t, "slicegate_extender_requests_total", `verb="filter"`))
			}
		})
	}
}
