// SPDX-License-Identifier: Apache-2.0

package scheduling

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

// config is the configuration of kube-scheduler that `slicegate scheduler-config` prints for this extender, with these
// further flags.
func (g *gate) config(t *testing.T, flags ...string) harness.SchedulerOptions {
	t.Helper()
	text, err := suite.Slicegate.SchedulerConfig(t.Context(), g.extender, g.certs, flags...)
	must(t, err)
	return harness.SchedulerOptions{Config: text}
}

// client asks the extender's listener as kube-scheduler does.
func (g *gate) client(t *testing.T) *http.Client {
	t.Helper()
	ca, err := os.ReadFile(g.certs.CA())
	must(t, err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	pair, err := tls.LoadX509KeyPair(g.certs.ClientLeaf(), g.certs.ClientKey())
	must(t, err)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Timeout: 20 * time.Second, Transport: transport}
}

// call makes one request of any kind to the extender's listener.
func (g *gate) call(t *testing.T, client *http.Client, method, path string, body []byte) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "https://"+g.extender+path, bytes.NewReader(body))
	must(t, err)
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	must(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(t, err)
	return response.StatusCode, string(text)
}

// filtered is the answer of /scheduler/filter.
type filtered struct {
	NodeNames                               []string
	FailedNodes, FailedAndUnresolvableNodes map[string]string
	Error                                   string
}

// filter asks where a pod may go, best first. Whatever was held for the uid is held for this question afterwards.
func (g *gate) filter(t *testing.T, client *http.Client, pod harness.PodShape, uid string, names []string) filtered {
	t.Helper()
	body, err := json.Marshal(map[string]any{"Pod": pod.Object(uid), "Nodes": nil, "NodeNames": names})
	must(t, err)
	status, text := g.call(t, client, http.MethodPost, "/scheduler/filter", body)
	if status != http.StatusOK {
		t.Fatalf("filter: %d %s", status, text)
	}
	var answer filtered
	must(t, json.Unmarshal([]byte(text), &answer))
	return answer
}

// waitMetric waits until a metric, summed up as gate.metric does, is what it should be.
func (g *gate) waitMetric(t *testing.T, name, labels string, want float64) {
	t.Helper()
	must(t, harness.Poll(within(t), fmt.Sprintf("%s's %s{%s} to be %v", g.Name, name, labels, want), func() error {
		if have := g.metric(t, name, labels); have != want {
			return fmt.Errorf("it is %v", have)
		}
		return nil
	}))
}

// settle waits until slicegate knows that nothing waits or is held any more.
func (g *gate) settle(t *testing.T) {
	t.Helper()
	g.waitMetric(t, "slicegate_waiting_pods", "", 0)
	g.waitMetric(t, "slicegate_holds{", "", 0)
}

// mustAgree checks that what slicegate believes of the cluster is what it is: nothing waits, nothing is held, no node
// had to be mended, and it knows each pod of the namespace, and each node.
func (g *gate) mustAgree(t *testing.T, namespace string, nodes int) {
	t.Helper()
	g.settle(t)
	pods, err := suite.Plane.Pods(t.Context(), "", "")
	must(t, err)
	g.waitMetric(t, `slicegate_state_objects`, `"Pod"`, float64(len(pods)))
	g.waitMetric(t, `slicegate_state_objects`, `"Node"`, float64(nodes))
	for _, name := range []string{"slicegate_state_drift", "slicegate_excess_nodes", "slicegate_homeless_pods"} {
		if have := g.metric(t, name, ""); have != 0 {
			t.Errorf("%s of %s is %v", name, namespace, have)
		}
	}
}

// mustFit checks what is bound against what the nodes list: each pod is on a node that lists what it asks for, and none
// hands out more than it has. It returns how much of each resource each node's pods use.
func mustFit(t *testing.T, namespace string, shapes ...harness.NodeShape) map[string]map[string]int {
	t.Helper()
	allocatable := map[string]map[string]string{}
	for _, shape := range shapes {
		for _, name := range shape.Names() {
			allocatable[name] = shape.Allocatable
		}
	}
	pods, err := suite.Plane.Pods(t.Context(), namespace, "")
	must(t, err)
	use := map[string]map[string]int{}
	for _, pod := range pods {
		node := pod.Spec.NodeName
		if node == "" || pod.Status.Phase == "Succeeded" || pod.Status.Phase == "Failed" {
			continue
		}
		if use[node] == nil {
			use[node] = map[string]int{}
		}
		for _, container := range pod.Spec.Containers {
			for resource, text := range container.Resources.Requests {
				use[node][resource] += harness.Amount(text)
			}
		}
	}
	for node, resources := range use {
		for resource, used := range resources {
			total, listed := allocatable[node][resource]
			if !listed || used > harness.Amount(total) {
				t.Errorf("%s has %q %s, and its pods use %d", node, total, resource, used)
			}
		}
	}
	return use
}

// waitRefused waits until kube-scheduler has tried so many pods that are not bound, and returns why they wait.
func waitRefused(t *testing.T, watch *harness.PodWatch, count int) []harness.PodRecord {
	t.Helper()
	var waiting []harness.PodRecord
	must(t, watch.Wait(within(t), fmt.Sprintf("%d pods to be told why they wait", count), func() error {
		waiting = nil
		for _, record := range watch.Records() {
			if record.Bound.IsZero() && record.Deleted.IsZero() && record.WhyWaiting() != "" {
				waiting = append(waiting, record)
			}
		}
		if len(waiting) != count {
			return fmt.Errorf("%d wait, %d are bound", len(waiting), watch.Bound())
		}
		return nil
	}))
	return waiting
}

// deleted is an error until a pod is gone.
func deleted(record *harness.PodRecord) error {
	if record != nil && record.Deleted.IsZero() {
		return errors.New("it is there")
	}
	return nil
}
