// SPDX-License-Identifier: Apache-2.0

package scheduling

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

// milli are thousandths of a card that slicegate chooses.
const milli = "slicegate.dev/gpu-milli"

// cards are nodes whose plugin hands out the cards that an annotation names.
func cards(prefix string, nodes, count int) harness.NodeShape {
	return harness.NodeShape{
		Count: nodes, Prefix: prefix, Labels: map[string]string{"nvidia.com/gpu.product": harness.T4.Product},
		Allocatable: map[string]string{milli: strconv.Itoa(count * 1000)},
	}
}

// mustNotShareTooMuch checks that every bound pod of cards names its own, that they exist, and that no card gives more
// than it has. It returns what each card gives, by "node/card".
func mustNotShareTooMuch(t *testing.T, namespace string, count int) map[string]int {
	t.Helper()
	pods, err := suite.Plane.Pods(t.Context(), namespace, "")
	must(t, err)
	given := map[string]int{}
	for _, pod := range pods {
		if pod.Spec.NodeName == "" || pod.Status.Phase == "Succeeded" || pod.Status.Phase == "Failed" {
			continue
		}
		amount := harness.Amount(pod.Spec.Containers[0].Resources.Requests[milli])
		if amount == 0 {
			continue
		}
		text := pod.Metadata.Annotations["slicegate.dev/devices"]
		names := strings.Split(text, ",")
		if amount >= 1000 && len(names) != amount/1000 {
			t.Errorf("%s asks for %d and names %q", pod.Metadata.Name, amount, text)
		}
		for _, name := range names {
			card, err := strconv.Atoi(name)
			if err != nil || card < 0 || card >= count {
				t.Errorf("%s on %s names the card %q", pod.Metadata.Name, pod.Spec.NodeName, text)
				continue
			}
			key := fmt.Sprintf("%s/%d", pod.Spec.NodeName, card)
			if given[key] += min(amount, 1000); given[key] > 1000 {
				t.Errorf("card %s gives %d", key, given[key])
			}
		}
	}
	return given
}

// ownCount are the flags for resources of which only slicegate knows how much there is.
func ownCount(resource string, more ...string) []string {
	return append([]string{"--bind", "--ignored-by-scheduler", resource}, more...)
}

// Cards are named in the pod together with its Binding: our own protocol. They are shared exactly, none gives more than
// it has, and what does not fit waits with a reason. A pod that is made again under a name gets a card of its own.
func TestCardsAreChosen(t *testing.T) {
	shape := cards("card", 2, 2)
	// Not kwok's: it ends pods by their names, also one that has just been made under the name of another.
	shape.Labels[harness.SimulatedLabel] = "none"
	namespace, watch := cluster(t, shape)
	t.Cleanup(func() {
		for _, name := range shape.Names() {
			if err := suite.Plane.DeleteNode(context.Background(), name); err != nil {
				t.Error(err)
			}
		}
	})
	g := live(t)
	scheduler(t, g.config(t, ownCount(milli)...))
	sizes := []int{500, 1000, 500, 250, 250, 1000, 500}
	for i, size := range sizes {
		must(t, suite.Plane.CreatePods(t.Context(), one(namespace, fmt.Sprintf("pod-%d", i), milli, size)))
	}
	must(t, watch.WaitBound(within(t), len(sizes)))
	given := mustNotShareTooMuch(t, namespace, 2)
	total := 0
	for _, amount := range given {
		total += amount
	}
	if total != 4000 {
		t.Errorf("4000 are asked for and there, given are %v", given)
	}
	must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "late", milli, 250)))
	waiting := waitRefused(t, watch, 1)
	if why := waiting[0].WhyWaiting(); !strings.Contains(why, "2 Insufficient "+milli) {
		t.Errorf("it is told %q", why)
	}

	// Made again at once, by the same name: another pod, which has its own.
	for range 3 {
		before := watch.Record(namespace, "pod-0")
		must(t, suite.Plane.DeletePod(t.Context(), namespace, "pod-0"))
		must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "pod-0", milli, 250)))
		must(t, watch.Wait(within(t), "the new pod to be bound", func() error {
			record := watch.Record(namespace, "pod-0")
			if record.Metadata.UID == before.Metadata.UID || record.Bound.IsZero() {
				return fmt.Errorf("it is %s: %s", record.Metadata.UID, record.WhyWaiting())
			}
			return nil
		}))
		mustNotShareTooMuch(t, namespace, 2)
	}
	_, err := watch.WaitPodBound(within(t), namespace, "late") // 250 of the 500 are left for it
	must(t, err)
	mustNotShareTooMuch(t, namespace, 2)
	g.mustAgree(t, namespace, 2)
	if bound := g.metric(t, "slicegate_extender_requests_total", `verb="bind",result="bound"`); bound != float64(watch.Bound()) {
		t.Errorf("%v were bound by slicegate, %d in all", bound, watch.Bound())
	}
}

// The protocol of Aliyun's gpushare plugin: the annotations that its Allocate looks for are there with the Binding.
func TestGpushareIsToldTheCard(t *testing.T) {
	const memory = "aliyun.com/gpu-mem"
	shape := harness.NodeShape{
		Count: 2, Prefix: "share", Labels: map[string]string{"nvidia.com/gpu.product": harness.T4.Product},
		Allocatable: map[string]string{memory: "30", "aliyun.com/gpu-count": "2"},
	}
	namespace, watch := cluster(t, shape)
	g := live(t)
	scheduler(t, g.config(t, ownCount(memory)...))
	for i, size := range []int{10, 5, 10, 5, 10, 5} {
		must(t, suite.Plane.CreatePods(t.Context(), one(namespace, fmt.Sprintf("pod-%d", i), memory, size)))
	}
	must(t, watch.WaitBound(within(t), 6))
	given := map[string]int{}
	for _, record := range watch.Records() {
		a := record.Metadata.Annotations
		want := record.Spec.Containers[0].Resources.Requests[memory]
		key := record.Spec.NodeName + "/" + a["ALIYUN_COM_GPU_MEM_IDX"]
		amount, err := strconv.Atoi(a["ALIYUN_COM_GPU_MEM_POD"])
		if given[key] += amount; err != nil || a["ALIYUN_COM_GPU_MEM_POD"] != want || given[key] > 15 ||
			a["ALIYUN_COM_GPU_MEM_DEV"] != "15" || a["ALIYUN_COM_GPU_MEM_ASSIGNED"] != "false" || a["ALIYUN_COM_GPU_MEM_ASSUME_TIME"] == "" {
			t.Errorf("%s asks for %s and is annotated %v; its card gives %d", record.Metadata.Name, want, a, given[key])
		}
	}
	g.mustAgree(t, namespace, 2)
}

// Where kube-scheduler counts, a pod that was only filtered keeps no other from being bound: that one may have been deleted
// since, or have gone elsewhere.
func TestBindingGoesBeforeFiltering(t *testing.T) {
	namespace, watch := cluster(t, harness.H100.Whole("node", 1, 8))
	g := live(t, "--nominate=false")
	client := g.client(t)
	if answer := g.filter(t, client, one(namespace, "gone", "nvidia.com/gpu", 8), "gone-uid", []string{"node-0"}); len(answer.NodeNames) != 1 {
		t.Fatalf("%+v", answer)
	}
	g.waitMetric(t, "slicegate_holds", `"tentative"`, 1)
	must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "pod", "nvidia.com/gpu", 8)))
	pod, err := suite.Plane.Pod(t.Context(), namespace, "pod")
	must(t, err)
	status, text := g.call(t, client, http.MethodPost, "/scheduler/bind",
		fmt.Appendf(nil, `{"PodName":"pod","PodNamespace":%q,"PodUID":%q,"Node":"node-0"}`, namespace, pod.Metadata.UID))
	if status != http.StatusOK || text != `{"Error":""}` {
		t.Fatalf("%d %s", status, text)
	}
	_, err = watch.WaitPodBound(within(t), namespace, "pod")
	must(t, err)
	g.waitMetric(t, "slicegate_holds{", "", 0)
}

// A bind that cannot be is reported, and changes nothing: of a pod that is bound already, to a node that has no room or
// does not exist.
func TestBindReportsErrors(t *testing.T) {
	shape := cards("card", 1, 1)
	namespace, watch := cluster(t, shape)
	g := live(t, "--nominate=false")
	client := g.client(t)
	bind := func(name, uid, node string) string {
		t.Helper()
		status, text := g.call(t, client, "POST", "/scheduler/bind",
			fmt.Appendf(nil, `{"PodName":%q,"PodNamespace":%q,"PodUID":%q,"Node":%q}`, name, namespace, uid, node))
		if status != 200 {
			t.Errorf("status %d %s", status, text)
		}
		return text
	}
	must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "pod", milli, 600).Times(3)...))
	uid := func(name string) string {
		t.Helper()
		pod, err := suite.Plane.Pod(t.Context(), namespace, name)
		must(t, err)
		return pod.Metadata.UID
	}
	if text := bind("pod-0", uid("pod-0"), "nowhere"); !strings.Contains(text, "the node is not known") {
		t.Error(text)
	}
	if text := bind("pod-0", uid("pod-0"), "card-0"); text != `{"Error":""}` {
		t.Error(text)
	}
	_, err := watch.WaitPodBound(within(t), namespace, "pod-0")
	must(t, err)
	if text := bind("pod-1", uid("pod-1"), "card-0"); !strings.Contains(text, "cannot bind") {
		t.Error(text)
	}
	if text := bind("pod-2", uid("pod-1"), "card-0"); strings.Contains(text, `"Error":""`) {
		t.Errorf("another pod's uid: %s", text)
	}
	g.waitMetric(t, "slicegate_holds{", "", 0)
	if text := bind("pod-0", uid("pod-0"), "card-0"); !strings.Contains(text, "the pod is bound or over already") {
		t.Errorf("bound already: %s", text)
	}
	mustNotShareTooMuch(t, namespace, 1)
	g.waitMetric(t, "slicegate_holds{", "", 0)
}
