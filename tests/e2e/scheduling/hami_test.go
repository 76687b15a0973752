// SPDX-License-Identifier: Apache-2.0

package scheduling

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

const (
	hamiLock  = "hami.io/mutex.lock"
	hamiToDo  = "hami.io/vgpu-devices-to-allocate"
	hamiGiven = "hami.io/vgpu-devices-allocated"
	hamiPhase = "hami.io/bind-phase"
	gpumem    = "nvidia.com/gpumem"
	t4MiB     = 15360
)

// hami are nodes with HAMi's plugin: T4s, each for ten pods at a time.
func hami(t *testing.T, prefix string, nodes, cards int) harness.NodeShape {
	t.Helper()
	var list []map[string]any
	for i := range cards {
		list = append(list, map[string]any{
			"id": fmt.Sprintf("GPU-%d", i), "index": i, "count": 10, "devmem": t4MiB, "devcore": 100, "type": "NVIDIA-Tesla T4",
			"mode": "hami-core", "health": true,
		})
	}
	registered, err := json.Marshal(list)
	must(t, err)
	return harness.NodeShape{
		Count: nodes, Prefix: prefix, Allocatable: gpus(10 * cards), Labels: map[string]string{"nvidia.com/gpu.product": harness.T4.Product},
		Annotations: map[string]string{"hami.io/node-nvidia-register": string(registered)},
	}
}

// share is a pod that asks for a part of one card.
func share(namespace, name string, mib int) harness.PodShape {
	return harness.PodShape{Namespace: namespace, Name: name, Requests: map[string]string{"nvidia.com/gpu": "1", gpumem: strconv.Itoa(mib)}}
}

// withHAMi starts slicegate with the option, and the right that it needs.
func withHAMi(t *testing.T, args ...string) *gate {
	t.Helper()
	_, err := suite.Plane.Kubectl(t.Context(), "apply", "-f", "testdata/hami-rbac.yaml")
	must(t, err)
	t.Cleanup(func() {
		if _, err := suite.Plane.Kubectl(context.Background(), "delete", "-f", "testdata/hami-rbac.yaml"); err != nil {
			t.Error(err)
		}
	})
	return live(t, append([]string{"--hami"}, args...)...)
}

type metadata struct {
	ResourceVersion string
	Annotations     map[string]string
}

func nodeMetadata(ctx context.Context, name string) (metadata, error) {
	var node struct{ Metadata metadata }
	err := suite.Plane.API.Call(ctx, http.MethodGet, "/api/v1/nodes/"+name, nil, &node)
	return node.Metadata, err
}

// hamiPlugin does on one node what HAMi's does as kubelets start pods: it finds the pod by the node's lock, takes the
// first card that its annotation names, crosses that out, reports success and releases the lock.
type hamiPlugin struct {
	node    string
	started map[string]string // by namespace/name: the card
	wrong   []string
}

func (p *hamiPlugin) allocate(ctx context.Context) error {
	node, err := nodeMetadata(ctx, p.node)
	if err != nil {
		return err
	}
	lock := strings.Split(node.Annotations[hamiLock], ",")
	if len(lock) != 3 {
		return nil
	}
	if _, err := time.Parse(time.RFC3339, lock[0]); err != nil {
		return err
	}
	pod, err := suite.Plane.Pod(ctx, lock[1], lock[2])
	if err != nil || pod.Spec.NodeName == "" { // the kubelet has nothing to start yet
		return err
	}
	if pod.Spec.NodeName != p.node || pod.Metadata.Annotations[hamiPhase] != "allocating" || pod.Metadata.Annotations["hami.io/vgpu-node"] != p.node {
		p.wrong = append(p.wrong, fmt.Sprintf("%v on %s is annotated %v", lock, p.node, pod.Metadata.Annotations))
	}
	containers := strings.Split(pod.Metadata.Annotations[hamiToDo], ";")
	device := strings.Split(strings.TrimSuffix(containers[0], ":"), ",")
	if len(containers) != 2 || len(device) != 4 || device[1] != "NVIDIA" ||
		harness.Amount(device[2]) != harness.Amount(pod.Spec.Containers[0].Resources.Requests[gpumem]) {
		p.wrong = append(p.wrong, fmt.Sprintf("%v is given %v", lock, containers))
	}
	p.started[lock[1]+"/"+lock[2]] = device[0]
	for _, change := range []struct{ key, value string }{{hamiToDo, ";"}, {hamiPhase, "success"}} {
		if err := suite.Plane.AnnotatePod(ctx, lock[1], lock[2], change.key, change.value); err != nil {
			return err
		}
	}
	node, err = nodeMetadata(ctx, p.node)
	if err != nil {
		return err
	}
	return suite.Plane.PatchNode(ctx, p.node, lockPatch(nil, node.ResourceVersion))
}

func lockPatch(value any, version string) map[string]any {
	meta := map[string]any{"annotations": map[string]any{hamiLock: value}}
	if version != "" {
		meta["resourceVersion"] = version
	}
	return map[string]any{"metadata": meta}
}

// startHAMiPlugins runs one for each node, until the function that it returns is called, which checks what they saw.
func startHAMiPlugins(t *testing.T, nodes []string) (stop func() map[string]string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	var plugins []*hamiPlugin
	for _, node := range nodes {
		plugin := &hamiPlugin{node: node, started: map[string]string{}}
		plugins = append(plugins, plugin)
		wait.Go(func() {
			for ctx.Err() == nil {
				if err := plugin.allocate(ctx); err != nil && !errors.Is(err, context.Canceled) && !harness.IsStatus(err, http.StatusConflict) &&
					!harness.IsStatus(err, http.StatusNotFound) {
					plugin.wrong = append(plugin.wrong, err.Error())
				}
				time.Sleep(50 * time.Millisecond)
			}
		})
	}
	stop = sync.OnceValue(func() map[string]string {
		cancel()
		wait.Wait()
		started := map[string]string{}
		for _, plugin := range plugins {
			for pod, card := range plugin.started {
				started[pod] = plugin.node + "/" + card
			}
			for _, what := range plugin.wrong {
				t.Error(what)
			}
		}
		return started
	})
	t.Cleanup(func() { stop() })
	return stop
}

// mustNotOverfillHAMi checks that no card gives more than it has, nor to too many, and returns what each one gives.
func mustNotOverfillHAMi(t *testing.T, namespace string) map[string]int {
	t.Helper()
	pods, err := suite.Plane.Pods(t.Context(), namespace, "")
	must(t, err)
	given, sharers := map[string]int{}, map[string]int{}
	for _, pod := range pods {
		if pod.Spec.NodeName == "" || pod.Spec.Containers[0].Resources.Requests[gpumem] == "" {
			continue
		}
		device := strings.Split(pod.Metadata.Annotations[hamiGiven], ",")
		if len(device) != 4 {
			t.Errorf("%s is annotated %v", pod.Metadata.Name, pod.Metadata.Annotations)
			continue
		}
		card := pod.Spec.NodeName + "/" + device[0]
		given[card] += harness.Amount(device[2])
		if sharers[card]++; given[card] > t4MiB || sharers[card] > 10 {
			t.Errorf("%s gives %d MiB to %d", card, given[card], sharers[card])
		}
	}
	return given
}

// Parts of HAMi's cards are packed and never given twice; the node's lock lets one pod after the other start there.
func TestHAMiCardsAreGiven(t *testing.T) {
	shape := hami(t, "hami", 2, 2)
	namespace, watch := cluster(t, shape)
	g := withHAMi(t)
	stop := startHAMiPlugins(t, shape.Names())
	scheduler(t, g.config(t, "--bind", "--hami"))
	must(t, suite.Plane.CreatePods(t.Context(), share(namespace, "first", 1000), share(namespace, "second", 1000)))
	must(t, watch.WaitBound(within(t), 2))
	if given := mustNotOverfillHAMi(t, namespace); len(given) != 1 {
		t.Errorf("two small pods are on %v", given)
	}
	must(t, suite.Plane.CreatePods(t.Context(), share(namespace, "pod", 4400).Times(12)...))
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	must(t, watch.WaitBound(ctx, 14))
	given := mustNotOverfillHAMi(t, namespace)
	if len(given) != 4 {
		t.Errorf("twelve pods of 4400 MiB beside the two are on %v", given)
	}
	// No more than pod-0 leaves beside the two small ones, should it be on their card.
	must(t, suite.Plane.CreatePods(t.Context(), share(namespace, "late", 4500)))
	waiting := waitRefused(t, watch, 1)
	if why := waiting[0].WhyWaiting(); !strings.Contains(why, gpumem) {
		t.Errorf("it is told %q", why)
	}
	must(t, suite.Plane.DeletePod(t.Context(), namespace, "pod-0"))
	_, err := watch.WaitPodBound(within(t), namespace, "late")
	must(t, err)
	mustNotOverfillHAMi(t, namespace)
	must(t, harness.Poll(within(t), "the last pod to be started", func() error {
		pod, err := suite.Plane.Pod(t.Context(), namespace, "late")
		if err == nil && pod.Metadata.Annotations[hamiPhase] != "success" {
			err = errors.New(pod.Metadata.Annotations[hamiPhase])
		}
		return err
	}))
	started := stop()
	if len(started) != 15 {
		t.Errorf("started are %d: %v", len(started), started)
	}
	g.mustAgree(t, namespace, 2)
}

// lockOf is the value of the annotation for a pod, so long ago.
func lockOf(namespace, name string, age time.Duration) string {
	return time.Now().Add(-age).UTC().Format(time.RFC3339) + "," + namespace + "," + name
}

// A node's lock that somebody else has is respected, and the pod is told whose it is; one that is ours, is too old, or of a
// pod that is gone is taken; a Binding that is refused gives it back.
func TestHAMiLock(t *testing.T) {
	shape := hami(t, "hami", 1, 1)
	namespace, watch := cluster(t, shape)
	g := withHAMi(t, "--nominate=false")
	client := g.client(t)
	const node = "hami-0"
	must(t, suite.Plane.CreatePods(t.Context(), share(namespace, "pod", 1000).Times(4)...))
	gated := share(namespace, "gated", 1000)
	gated.Gates = []string{"example.com/later"}
	must(t, suite.Plane.CreatePods(t.Context(), gated))
	g.waitMetric(t, "slicegate_state_objects", `"Pod"`, 5)
	bind := func(name string) string {
		t.Helper()
		_, text := g.call(t, client, http.MethodPost, "/scheduler/bind", bindOf(t, namespace, name, node))
		return text
	}
	lock := func() string {
		t.Helper()
		meta, err := nodeMetadata(t.Context(), node)
		must(t, err)
		return meta.Annotations[hamiLock]
	}
	mustBind := func(name, why string) {
		t.Helper()
		if text := bind(name); text != `{"Error":""}` {
			t.Errorf("%s: %s", why, text)
		}
		if at := lock(); !strings.HasSuffix(at, ","+namespace+","+name) {
			t.Errorf("%s: the lock is %q", why, at)
		}
	}
	mustBind("pod-0", "nobody has it")
	if text := bind("pod-1"); !strings.Contains(text, hamiLock) || !strings.Contains(text, namespace+"/pod-0") {
		t.Errorf("pod-0 has it: %s", text)
	}
	if counted := g.metric(t, "slicegate_extender_requests_total", `verb="bind",result="locked"`); counted != 1 {
		t.Errorf("%v are counted", counted)
	}
	g.waitMetric(t, "slicegate_holds{", "", 0)
	patchNode(t, node, lockPatch(lockOf(namespace, "pod-0", 6*time.Minute), ""))
	mustBind("pod-1", "it is too old")
	patchNode(t, node, lockPatch(lockOf(namespace, "nobody", 0), ""))
	mustBind("pod-2", "its pod is gone")
	patchNode(t, node, lockPatch("tomorrow", ""))
	if text := bind("pod-3"); !strings.Contains(text, "tomorrow") {
		t.Errorf("nobody knows whose it is: %s", text)
	}
	patchNode(t, node, lockPatch(nil, ""))
	if text := bind("gated"); text == `{"Error":""}` || lock() != "" {
		t.Errorf("a Binding that is refused: %s, and the lock is %q", text, lock())
	}

	// kube-scheduler says what it is told, and tries again.
	patchNode(t, node, lockPatch(lockOf(namespace, "pod-2", 0), ""))
	scheduler(t, g.config(t, "--bind", "--hami"))
	waitEvent(t, namespace, "pod-3", "FailedScheduling", "is locked ("+hamiLock+") for "+namespace+"/pod-2")
	patchNode(t, node, lockPatch(nil, ""))
	_, err := watch.WaitPodBound(within(t), namespace, "pod-3")
	must(t, err)
	mustNotOverfillHAMi(t, namespace)
}

// What is asked of HAMi's cards beside a part of one's memory is refused by name.
func TestHAMiRefusesTheRest(t *testing.T) {
	namespace, _ := cluster(t, hami(t, "hami", 1, 2))
	g := withHAMi(t, "--nominate=false")
	client := g.client(t)
	wishes := map[string]struct {
		requests    map[string]string
		annotations map[string]string
		say         string
	}{
		"cores":   {map[string]string{"nvidia.com/gpu": "1", gpumem: "1000", "nvidia.com/gpucores": "30"}, nil, "nvidia.com/gpucores"},
		"percent": {map[string]string{"nvidia.com/gpu": "1", "nvidia.com/gpumem-percentage": "50"}, nil, "nvidia.com/gpumem-percentage"},
		"whole":   {map[string]string{"nvidia.com/gpu": "1"}, nil, "ask for so many MiB"},
		"two":     {map[string]string{"nvidia.com/gpu": "2", gpumem: "1000"}, nil, "ask for nvidia.com/gpu: 1"},
		"choosy":  {map[string]string{"nvidia.com/gpu": "1", gpumem: "1000"}, map[string]string{"nvidia.com/use-gputype": "T4"}, "nvidia.com/use-gputype"},
	}
	for name, wish := range wishes {
		must(t, suite.Plane.CreatePods(t.Context(), harness.PodShape{Namespace: namespace, Name: name, Requests: wish.requests, Annotations: wish.annotations}))
	}
	g.waitMetric(t, "slicegate_state_objects", `"Pod"`, float64(len(wishes)))
	for name, wish := range wishes {
		status, text := g.call(t, client, http.MethodPost, "/scheduler/bind", bindOf(t, namespace, name, "hami-0"))
		if status != http.StatusOK || !strings.Contains(text, "cannot bind") || !strings.Contains(text, wish.say) {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if refused := g.metric(t, "slicegate_extender_requests_total", `verb="bind",result="not_ours"`); refused != float64(len(wishes)) {
		t.Errorf("%v are counted", refused)
	}
	if meta, err := nodeMetadata(t.Context(), "hami-0"); err != nil || meta.Annotations[hamiLock] != "" {
		t.Errorf("the lock is %q, %v", meta.Annotations[hamiLock], err)
	}
	answer := g.filter(t, client, one(namespace, "whole", "nvidia.com/gpu", 1), "other", []string{"hami-0"})
	if len(answer.NodeNames) != 0 {
		t.Errorf("a whole card: %+v", answer)
	}
}
