// SPDX-License-Identifier: Apache-2.0

package scheduling

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

// holdback stands in front of kube-apiserver for as long as the test.
func holdback(t *testing.T) *harness.Holdback {
	t.Helper()
	h, err := suite.Plane.Holdback()
	must(t, err)
	t.Cleanup(h.Stop)
	return h
}

// bindOf is the body of a bind call for a pod as it is.
func bindOf(t *testing.T, namespace, name, node string) []byte {
	t.Helper()
	pod, err := suite.Plane.Pod(t.Context(), namespace, name)
	must(t, err)
	return fmt.Appendf(nil, `{"PodName":%q,"PodNamespace":%q,"PodUID":%q,"Node":%q}`, name, namespace, pod.Metadata.UID, node)
}

// bind asks to bind a pod until the server answers such calls, and demands that it succeeds.
func (g *gate) bind(t *testing.T, namespace, name, node string) {
	t.Helper()
	client, body := g.client(t), bindOf(t, namespace, name, node)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	must(t, harness.Poll(ctx, g.Name+" to bind "+name, func() error {
		status, text := g.call(t, client, http.MethodPost, "/scheduler/bind", body)
		if status == http.StatusOK && text != `{"Error":""}` {
			return harness.Permanent(fmt.Errorf("it says %s", text))
		}
		if status != http.StatusOK {
			return fmt.Errorf("it answers %d %s", status, text)
		}
		return nil
	}))
}

// card is what a Binding or a pod says which card it takes.
func card(annotations map[string]string) string { return annotations["slicegate.dev/devices"] }

// heldBinding has a server send a Binding that does not arrive.
func (g *gate) heldBinding(t *testing.T, h *harness.Holdback, namespace, name, node string) *harness.Held {
	t.Helper()
	h.Hold(harness.Binding)
	client, body := g.client(t), bindOf(t, namespace, name, node)
	go func() { // never answered: the server is killed first
		response, err := client.Post("https://"+g.extender+"/scheduler/bind", "application/json", strings.NewReader(string(body)))
		if err == nil {
			response.Body.Close()
		}
	}()
	held, err := h.Next(within(t))
	must(t, err)
	if !strings.HasSuffix(held.Path, "/pods/"+name+"/binding") {
		t.Fatalf("held back is %s", held.Path)
	}
	return held
}

// mustBeRefused lets the Binding of a server that is gone arrive at last, when its card has gone to another pod.
func mustBeRefused(t *testing.T, held *harness.Held, namespace, other string) {
	t.Helper()
	var binding struct {
		Metadata struct{ Annotations map[string]string }
	}
	must(t, json.Unmarshal(held.Body, &binding))
	pod, err := suite.Plane.Pod(t.Context(), namespace, other)
	must(t, err)
	if have := card(binding.Metadata.Annotations); have == "" || have != card(pod.Metadata.Annotations) {
		t.Fatalf("the successor has given card %q to %s, the Binding names %q: nothing is tried here", card(pod.Metadata.Annotations), other, have)
	}
	answer, err := held.Release(t.Context())
	must(t, err)
	if answer.Status != http.StatusConflict {
		t.Errorf("the late Binding is answered %d %s", answer.Status, answer.Message())
	}
}

// A server is killed while its Binding is under way. The next one gives the card that the Binding names to another pod;
// then the Binding arrives. It must not be taken: two pods would hold one card.
func TestBindingOfDeadServerComesLate(t *testing.T) {
	namespace, watch := cluster(t, cards("card", 1, 2))
	h := holdback(t)
	first := liveThrough(t, h, "--nominate=false")
	must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "pod", milli, 1000).Times(2)...))
	held := first.heldBinding(t, h, namespace, "pod-0", "card-0")
	must(t, first.Kill())
	h.Hold(nil)
	must(t, first.Restart(t.Context()))
	must(t, first.WaitReady(within(t)))
	first.bind(t, namespace, "pod-1", "card-0")
	mustBeRefused(t, held, namespace, "pod-1")
	first.bind(t, namespace, "pod-0", "card-0")
	must(t, watch.WaitBound(within(t), 2))
	mustNotShareTooMuch(t, namespace, 2)
	first.mustAgree(t, namespace, 1)
}

// The same with two replicas and a Lease, where the second has also not heard what the first has bound before its end.
func TestBindingOfLostHolderComesLate(t *testing.T) {
	namespace, watch := cluster(t, cards("card", 1, 3))
	lease := []string{"--nominate=false", "--lease-name", "slicegate-fence", "--lease-namespace", "slicegate-system"}
	ours, theirs := holdback(t), holdback(t)
	first := liveThrough(t, ours, lease...)
	first.waitMetric(t, "slicegate_lease_holder", "", 1)
	second := replica(t, first.certs, theirs, lease...)
	must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "pod", milli, 1000).Times(3)...))
	second.waitMetric(t, "slicegate_waiting_pods", "", 3)
	theirs.Deafen()
	first.bind(t, namespace, "pod-0", "card-0")
	held := first.heldBinding(t, ours, namespace, "pod-1", "card-0")
	must(t, first.Kill())
	if waiting := second.metric(t, "slicegate_waiting_pods", ""); waiting != 3 {
		t.Fatalf("the second has heard that pod-0 is bound: %v wait", waiting)
	}
	second.bind(t, namespace, "pod-2", "card-0")
	mustBeRefused(t, held, namespace, "pod-2")
	mustNotShareTooMuch(t, namespace, 3)
	second.bind(t, namespace, "pod-1", "card-0")
	must(t, watch.WaitBound(within(t), 3))
	mustNotShareTooMuch(t, namespace, 3)
	second.mustAgree(t, namespace, 1)
	must(t, first.Restart(t.Context())) // and is a standby again
	must(t, first.WaitReady(within(t)))
}

// What kube-scheduler or somebody else writes into a pod between decision and Binding does no harm: it is tried again.
func TestBindingOfChangedPodIsTriedAgain(t *testing.T) {
	namespace, watch := cluster(t, cards("card", 1, 1))
	h := holdback(t)
	g := liveThrough(t, h, "--nominate=false")
	must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "pod", milli, 1000)))
	g.waitMetric(t, "slicegate_waiting_pods", "", 1)
	h.Deafen()
	_, err := harness.MustSucceed(suite.Plane.Kubectl(t.Context(), "annotate", "pod", "-n", namespace, "pod", "example.com/note=x"))
	must(t, err)
	g.bind(t, namespace, "pod", "card-0")
	_, err = watch.WaitPodBound(within(t), namespace, "pod")
	must(t, err)
	mustNotShareTooMuch(t, namespace, 1)
}

// The watch of pods stands and brings nothing, for longer than a decision is held. A card that was given with a Binding is
// not given again.
func TestCardIsKeptWhileTheWatchIsBehind(t *testing.T) {
	namespace, watch := cluster(t, cards("card", 1, 2))
	h := holdback(t)
	g := liveThrough(t, h, "--nominate=false")
	must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "pod", milli, 1000).Times(3)...))
	g.waitMetric(t, "slicegate_waiting_pods", "", 3)
	h.Deafen()
	g.bind(t, namespace, "pod-0", "card-0")
	client := g.client(t)
	if answer := g.filter(t, client, one(namespace, "later", milli, 1000), "later", []string{"card-0"}); len(answer.NodeNames) != 1 {
		t.Fatalf("%+v", answer)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	must(t, harness.Poll(ctx, "what was held after the Binding to run out", func() error {
		if ended := g.metric(t, "slicegate_holds_expired_total", ""); ended < 1 {
			return fmt.Errorf("%v have", ended)
		}
		return nil
	}))
	g.bind(t, namespace, "pod-1", "card-0")
	status, text := g.call(t, client, http.MethodPost, "/scheduler/bind", bindOf(t, namespace, "pod-2", "card-0"))
	if status != http.StatusOK || !strings.Contains(text, "cannot bind") {
		t.Errorf("a third pod on two cards: %d %s", status, text)
	}
	mustNotShareTooMuch(t, namespace, 2)
	must(t, watch.WaitBound(within(t), 2))
	h.Reset()
	g.waitMetric(t, "slicegate_waiting_pods", "", 1)
	g.waitMetric(t, "slicegate_holds{", "", 0)
}
