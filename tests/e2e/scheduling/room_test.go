// SPDX-License-Identifier: Apache-2.0

package scheduling

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

// soon is in how much time a waiting pod has the place of one that is seen to be gone.
const soon = 2 * time.Second

// A full cluster in which one pod after the other ends: each time one of those that wait has the place soon, with the
// back-off that scheduler-config ships, whether kube-scheduler is advised or not, and whether its plugins or only slicegate
// count.
func TestFreedRoomIsTakenSoon(t *testing.T) {
	const nodes, waiting = 3, 5
	for _, test := range []struct {
		resource           string
		nominate, graceful bool
	}{
		{"nvidia.com/gpu", true, true}, {"nvidia.com/gpu", true, false}, {"nvidia.com/gpu", false, true}, {"nvidia.com/gpu", false, false},
		{milli, true, true}, {milli, false, false},
	} {
		t.Run(fmt.Sprintf("%s/nominate=%v/graceful=%v", filepath.Base(test.resource), test.nominate, test.graceful), func(t *testing.T) {
			shape, each, flags := harness.H100.Whole("full", nodes, 8), 4, []string(nil)
			if test.resource == milli {
				shape, each, flags = cards("full", nodes, 8), 4000, ownCount(milli)
			}
			namespace, watch := cluster(t, shape)
			g := live(t, fmt.Sprintf("--nominate=%v", test.nominate))
			scheduler(t, g.config(t, flags...))
			runs := one(namespace, "runs", test.resource, each).Times(nodes * 2)
			must(t, suite.Plane.CreatePods(t.Context(), runs...))
			must(t, watch.WaitBound(within(t), len(runs)))
			must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "waits", test.resource, each).Times(waiting)...))
			waitRefused(t, watch, waiting)

			var took []time.Duration
			for i := range waiting {
				if test.graceful {
					must(t, suite.Plane.DeletePodGracefully(t.Context(), namespace, runs[i].Name))
				} else {
					must(t, suite.Plane.DeletePod(t.Context(), namespace, runs[i].Name))
				}
				must(t, watch.WaitBound(within(t), len(runs)+i+1))
				gone := watch.Record(namespace, runs[i].Name).Deleted
				var bound time.Time
				for _, record := range watch.Records() {
					if record.Bound.After(bound) {
						bound = record.Bound
					}
				}
				if gone.IsZero() || bound.Before(gone) {
					t.Fatalf("a pod was bound at %s into the room of one that was gone at %s", bound, gone)
				}
				took = append(took, bound.Sub(gone))
			}
			t.Logf("bound after %v", took)
			if worst := slices.Max(took); worst > soon {
				t.Errorf("a waiting pod was bound %s after room was seen", worst)
			}
			mustFit(t, namespace, shape)
			g.mustAgree(t, namespace, nodes)
		})
	}
}

// waitUnasked waits until kube-scheduler has called filter no more for so long.
func (g *gate) waitUnasked(t *testing.T, quiet time.Duration) {
	t.Helper()
	asked, since := -1.0, time.Now()
	must(t, harness.Poll(within(t), "kube-scheduler to rest", func() error {
		if have := g.metric(t, "slicegate_extender_requests_total", `verb="filter"`); have != asked {
			asked, since = have, time.Now()
		}
		if time.Since(since) < quiet {
			return fmt.Errorf("it has asked %v times, the last time %s ago", asked, time.Since(since))
		}
		return nil
	}))
}

// Whom only the extender has rejected, since nobody but slicegate counts these cards, waits until kube-scheduler is told
// something. Here room appears by no event in the cluster, a promise is given up: the nomination wakes the pod, at once.
func TestNominationWakesWhomTheExtenderRejected(t *testing.T) {
	shape := cards("card", 2, 1)
	namespace, watch := cluster(t, shape)
	g := live(t)
	scheduler(t, g.config(t, ownCount(milli)...))
	client := g.client(t)
	promise := func(i int, nodes ...string) {
		t.Helper()
		name := fmt.Sprintf("promised-%d", i)
		if answer := g.filter(t, client, one(namespace, name, milli, 1000), name, append([]string{}, nodes...)); len(answer.NodeNames) != len(nodes) {
			t.Fatalf("%s: %+v", name, answer)
		}
	}
	for i, node := range shape.Names() {
		promise(i, node)
	}
	must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "waits", milli, 1000)))
	if why := waitRefused(t, watch, 1)[0].WhyWaiting(); !strings.Contains(why, "2 Insufficient "+milli) {
		t.Fatalf("it is told %q", why)
	}
	g.waitUnasked(t, 3*time.Second) // longer than the back-off: what is tried again by itself has been
	freed := time.Now()
	promise(1) // asked about again, for no node
	record, err := watch.WaitPodBound(within(t), namespace, "waits")
	must(t, err)
	t.Logf("bound after %s", record.Bound.Sub(freed).Round(time.Millisecond))
	if took := record.Bound.Sub(freed); took > soon {
		t.Errorf("it was bound %s after there was room", took)
	}
	if record.Spec.NodeName != "card-1" || len(record.Nominations) != 1 || record.Nominations[0] != "card-1" {
		t.Errorf("it is on %s, nominated for %q", record.Spec.NodeName, record.Nominations)
	}
	mustNotShareTooMuch(t, namespace, 1)
}

// kube-scheduler sees a pod end before slicegate does, and the one that waits is refused once more. Nothing else happens in this cluster: when
// the news is there slicegate wakes whom it has refused, also those that the nominator leaves alone.
func TestRefusedBeforeTheNewsIsWoken(t *testing.T) {
	for _, nominate := range []bool{false, true} {
		t.Run(fmt.Sprintf("nominate=%v", nominate), func(t *testing.T) {
			namespace, watch := cluster(t, cards("card", 1, 1))
			h := holdback(t)
			g := liveThrough(t, h, fmt.Sprintf("--nominate=%v", nominate))
			scheduler(t, g.config(t, ownCount(milli)...))
			must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "runs", milli, 1000)))
			must(t, watch.WaitBound(within(t), 1))
			waits := one(namespace, "waits", milli, 1000)
			if nominate {
				waits.Spec = map[string]any{"topologySpreadConstraints": []any{map[string]any{
					"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
				}}}
			}
			must(t, suite.Plane.CreatePods(t.Context(), waits))
			waitRefused(t, watch, 1)
			g.waitUnasked(t, 3*time.Second)
			refused := func() float64 {
				return g.metric(t, "slicegate_extender_requests_total", `verb="filter",result="refused"`)
			}
			before := refused()
			h.Deafen()
			must(t, suite.Plane.DeletePod(t.Context(), namespace, "runs"))
			must(t, harness.Poll(within(t), "the pod to be refused once more", func() error {
				if now := refused(); now == before {
					return fmt.Errorf("it was %v times, as before", now)
				}
				return nil
			}))
			g.waitUnasked(t, 3*time.Second)
			heard := time.Now()
			h.Reset()
			record, err := watch.WaitPodBound(within(t), namespace, "waits")
			must(t, err)
			t.Logf("bound %s after the watch was let go", record.Bound.Sub(heard).Round(time.Millisecond))
			g.waitMetric(t, "slicegate_pods_woken_total", `result="woken"`, 1)
			if record.Nominations != nil {
				t.Errorf("it was nominated for %q", record.Nominations)
			}
			g.mustAgree(t, namespace, 1)
		})
	}
}

// patchNode changes a node by a merge patch.
func patchNode(t *testing.T, name string, patch map[string]any) {
	t.Helper()
	must(t, suite.Plane.PatchNode(t.Context(), name, patch))
}

// Nodes come, and pods that wait go there; one is drained, and its pods go elsewhere and none comes; its product changes,
// and who asks for the new product goes there.
func TestNodesComeAndGo(t *testing.T) {
	first := harness.H100.Whole("first", 1, 8)
	namespace, watch := cluster(t, first)
	g := live(t)
	scheduler(t, g.config(t))
	pods := one(namespace, "pod", "nvidia.com/gpu", 2).Times(8)
	must(t, suite.Plane.CreatePods(t.Context(), pods...))
	must(t, watch.WaitBound(within(t), 4))
	waitRefused(t, watch, 4)

	// One after the other: of two that come at once, whichever is seen first is begun.
	second, third := harness.H100.Whole("second", 1, 8), harness.H100.Whole("second-next", 1, 8)
	_, err := suite.Plane.CreateNodes(t.Context(), second)
	must(t, err)
	must(t, watch.WaitBound(within(t), 8))
	mustFit(t, namespace, first, second)
	_, err = suite.Plane.CreateNodes(t.Context(), third)
	must(t, err)

	// Drained: cordoned, its pods evicted and made again, as their owners would.
	patchNode(t, "first-0", map[string]any{"spec": map[string]any{"unschedulable": true}})
	for _, record := range watch.Records() {
		if record.Spec.NodeName != "first-0" {
			continue
		}
		name := record.Metadata.Name
		must(t, suite.Plane.API.Call(t.Context(), http.MethodPost, "/api/v1/namespaces/"+namespace+"/pods/"+name+"/eviction", map[string]any{
			"apiVersion": "policy/v1", "kind": "Eviction", "metadata": map[string]any{"name": name, "namespace": namespace},
		}, nil))
		must(t, watch.Wait(within(t), name+" to be gone", func() error { return deleted(watch.Record(namespace, name)) }))
		must(t, suite.Plane.CreatePods(t.Context(), one(namespace, name+"-again", "nvidia.com/gpu", 2)))
		again, err := watch.WaitPodBound(within(t), namespace, name+"-again")
		must(t, err)
		if !strings.HasPrefix(again.Spec.NodeName, "second-") {
			t.Errorf("%s is on %s, which is drained", name, again.Spec.NodeName)
		}
	}
	must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "late", "nvidia.com/gpu", 1)))
	waitRefused(t, watch, 1)
	g.waitMetric(t, "slicegate_waiting_pods", "", 1)

	// Another product, by its label, and open again.
	must(t, suite.Plane.CreatePods(t.Context(), func() harness.PodShape {
		choosy := one(namespace, "choosy", "nvidia.com/gpu", 8)
		choosy.NodeSelector = map[string]string{"nvidia.com/gpu.product": harness.A100x80.Product}
		return choosy
	}()))
	waitRefused(t, watch, 2)
	patchNode(t, "first-0", map[string]any{"metadata": map[string]any{"labels": map[string]any{
		"nvidia.com/gpu.product": harness.A100x80.Product, "nvidia.com/gpu.memory": "81920", "nvidia.com/gpu.family": "ampere",
	}}})
	must(t, suite.Plane.DeletePod(t.Context(), namespace, "late"))
	patchNode(t, "first-0", map[string]any{"spec": map[string]any{"unschedulable": nil}})
	record, err := watch.WaitPodBound(within(t), namespace, "choosy")
	must(t, err)
	if record.Spec.NodeName != "first-0" {
		t.Errorf("who wants the new product is on %s", record.Spec.NodeName)
	}
	mustFit(t, namespace, first, second, third)
	g.mustAgree(t, namespace, 3)
}

// A device plugin restarts: allocatable is 0 under running pods, which is recorded and throws nobody out. Meanwhile no
// pod comes, and when the devices are back, none is refused.
func TestDevicePluginRestarts(t *testing.T) {
	for name, shape := range map[string]harness.NodeShape{
		"whole": harness.H100.Whole("node", 1, 8), "MIG mixed": harness.A100x40.MIGMixed("node", 1, 2, map[string]int{"1g.5gb": 8}),
	} {
		t.Run(name, func(t *testing.T) {
			namespace, watch := cluster(t, shape)
			g := live(t)
			scheduler(t, g.config(t))
			var resource string
			for resource = range shape.Allocatable {
			}
			must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "runs", resource, 1).Times(5)...))
			must(t, watch.WaitBound(within(t), 5))

			must(t, suite.Plane.SetAllocatable(t.Context(), "node-0", map[string]string{resource: "0"}))
			g.waitMetric(t, "slicegate_excess_nodes", "", 1)
			must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "meanwhile", resource, 1).Times(3)...))
			waitRefused(t, watch, 3)
			if bound := watch.Bound(); bound != 5 {
				t.Errorf("%d are bound while there are no devices", bound)
			}
			must(t, suite.Plane.SetAllocatable(t.Context(), "node-0", map[string]string{resource: "8"}))
			must(t, watch.WaitBound(within(t), 8))
			mustFit(t, namespace, shape)
			for _, record := range watch.Records() {
				if !record.Deleted.IsZero() {
					t.Errorf("%s was thrown out", record.Metadata.Name)
				}
			}
			g.mustAgree(t, namespace, 1)
		})
	}
}
