// SPDX-License-Identifier: Apache-2.0

package scheduling

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

// Of two replicas the one with the Lease answers kube-scheduler. It is killed in the middle of pods of cards: the other
// goes on when the Lease has run out, and nothing is lost or given twice.
func TestLeaseHolderIsKilled(t *testing.T) {
	const pods = 120
	shape := cards("node", 16, 2)
	namespace, watch := cluster(t, shape)
	lease := []string{"--lease-name", "slicegate-replicas", "--lease-namespace", "slicegate-system"}
	first := live(t, lease...)
	first.waitMetric(t, "slicegate_lease_holder", "", 1)
	second := replica(t, first.certs, nil, lease...)
	if second.metric(t, "slicegate_lease_holder", "") != 0 {
		t.Error("both hold the Lease")
	}
	second.mustSendAway(t)

	service, err := harness.StartProxy(first.extender)
	must(t, err)
	t.Cleanup(service.Stop)
	behind := &gate{Server: first.Server, certs: first.certs, extender: service.Address}
	scheduler(t, behind.config(t, ownCount(milli)...))
	created := make(chan error, 1)
	go func() {
		created <- suite.Plane.CreatePods(t.Context(), one(namespace, "pod", milli, 250).Times(pods)...)
	}()
	must(t, watch.WaitBound(within(t), pods/4))
	must(t, first.Kill())
	killed := time.Now()
	service.Lead(second.extender)
	must(t, <-created)
	second.waitMetric(t, "slicegate_lease_holder", "", 1)
	t.Logf("the other holds the Lease after %s", time.Since(killed).Round(time.Millisecond))
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	must(t, watch.WaitBound(ctx, pods))
	mustNotShareTooMuch(t, namespace, 2)
	second.mustAgree(t, namespace, shape.Count)

	// Back again it waits for its turn, which comes at once when the other ends in peace.
	must(t, first.Restart(t.Context()))
	must(t, first.WaitReady(within(t)))
	if first.metric(t, "slicegate_lease_holder", "") != 0 {
		t.Error("it takes the Lease of another")
	}
	must(t, second.Stop())
	stopped := time.Now()
	first.waitMetric(t, "slicegate_lease_holder", "", 1)
	if took := time.Since(stopped); took > 6*time.Second {
		t.Errorf("a Lease that was given back was taken after %s", took)
	}
}

// mustSendAway checks that every call is refused together with its connection, so that whoever asks comes back to the
// Service, and by it to the holder.
func (g *gate) mustSendAway(t *testing.T) {
	t.Helper()
	client := g.client(t)
	for verb, body := range map[string]string{
		"filter": `{"Pod":{"metadata":{"uid":"a"}},"NodeNames":["node-0"]}`, "prioritize": `{"Pod":{"metadata":{"uid":"a"}},"NodeNames":["node-0"]}`,
		"bind":    `{"PodName":"a","PodNamespace":"default","PodUID":"a","Node":"node-0"}`,
		"preempt": `{"Pod":{"metadata":{"uid":"a"}},"NodeNameToMetaVictims":{"node-0":{"Pods":[]}}}`,
	} {
		response, err := client.Post("https://"+g.extender+"/scheduler/"+verb, "application/json", strings.NewReader(body))
		must(t, err)
		must(t, response.Body.Close())
		if response.StatusCode != http.StatusServiceUnavailable || !response.Close {
			t.Errorf("who does not hold the Lease answers %s with %d, closing: %v", verb, response.StatusCode, response.Close)
		}
	}
}
