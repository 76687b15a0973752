// SPDX-License-Identifier: Apache-2.0

package scheduling

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

// one is a pod that asks for this much of one resource.
func one(namespace, name, resource string, count int) harness.PodShape {
	return harness.PodShape{Namespace: namespace, Name: name, Requests: map[string]string{resource: fmt.Sprint(count)}}
}

// wish is pods of one kind; the nodes that they may use at most, when packed.
type wish struct {
	resource        string
	each, count     int
	product, prefix string // asked for by a node selector; where they must be
	nodes           int
}

// packings are clusters of one kind of GPU each, with pods that fit on fewer nodes than there are.
var packings = map[string]struct {
	nodes  []harness.NodeShape
	wishes []wish
}{
	"MIG mixed": {
		[]harness.NodeShape{
			harness.A100x40.MIGMixed("a100", 4, 2, map[string]int{"1g.5gb": 6, "2g.10gb": 2, "3g.20gb": 1}),
			harness.H100.MIGMixed("h100", 4, 2, map[string]int{"1g.10gb": 4, "2g.20gb": 2, "3g.40gb": 2}),
		},
		[]wish{
			{"nvidia.com/mig-1g.5gb", 1, 12, "", "a100", 2}, {"nvidia.com/mig-2g.10gb", 1, 4, "", "a100", 2},
			{"nvidia.com/mig-1g.10gb", 1, 8, "", "h100", 2}, {"nvidia.com/mig-3g.40gb", 1, 4, "", "h100", 2},
		},
	},
	"MIG single": {
		[]harness.NodeShape{harness.A100x40.MIGSingle("single", 4, "1g.5gb", 14)},
		[]wish{{"nvidia.com/gpu", 1, 28, "", "single", 2}},
	},
	"time-sliced": {
		[]harness.NodeShape{harness.T4.TimeSliced("shared", 5, 2, 4, false)},
		[]wish{{"nvidia.com/gpu", 1, 16, "", "shared", 2}},
	},
	"time-sliced, renamed": {
		[]harness.NodeShape{harness.T4.TimeSliced("renamed", 5, 2, 4, true)},
		[]wish{{"nvidia.com/gpu.shared", 1, 16, "", "renamed", 2}},
	},
	"whole": {
		[]harness.NodeShape{harness.H100.Whole("whole", 6, 8)},
		[]wish{{"nvidia.com/gpu", 2, 8, "", "whole", 3}, {"nvidia.com/gpu", 4, 2, "", "whole", 3}},
	},
	"everything": {
		[]harness.NodeShape{
			harness.H100.Whole("whole", 3, 8), harness.A100x80.MIGSingle("single", 3, "2g.20gb", 12),
			harness.A100x40.MIGMixed("mixed", 3, 4, map[string]int{"1g.5gb": 12, "3g.20gb": 4}),
			harness.T4.TimeSliced("shared", 3, 2, 4, false), harness.L4.TimeSliced("renamed", 3, 2, 4, true),
		},
		[]wish{
			{"nvidia.com/gpu", 4, 4, harness.H100.Product, "whole", 2},
			{"nvidia.com/gpu", 1, 12, harness.A100x80.Product + "-MIG-2g.20gb", "single", 1},
			{"nvidia.com/mig-1g.5gb", 1, 12, "", "mixed", 1}, {"nvidia.com/mig-3g.20gb", 1, 4, "", "mixed", 1},
			// In this mix the core prices the last replica of a node a little above the first of another.
			{"nvidia.com/gpu", 1, 8, "Tesla-T4-SHARED", "shared", 2},
			{"nvidia.com/gpu.shared", 1, 8, "", "renamed", 2},
		},
	},
}

// Pods of every kind of GPU land where it is, on as few nodes as hold them; what is too much waits and is told why.
func TestEveryKindIsPacked(t *testing.T) {
	for name, packing := range packings {
		for _, nominate := range []bool{false, true} {
			if nominate && name != "everything" { // which has all kinds
				continue
			}
			t.Run(fmt.Sprintf("%s/nominate=%v", name, nominate), func(t *testing.T) {
				namespace, watch := cluster(t, packing.nodes...)
				g := live(t, fmt.Sprintf("--nominate=%v", nominate), "--nominate-nodes=0")
				var pods []harness.PodShape
				for i, wish := range packing.wishes {
					pod := one(namespace, fmt.Sprintf("wish-%d", i), wish.resource, wish.each)
					if wish.product != "" {
						pod.NodeSelector = map[string]string{"nvidia.com/gpu.product": wish.product}
					}
					pods = append(pods, pod.Times(wish.count)...)
				}
				scheduler(t, g.config(t))
				must(t, suite.Plane.CreatePods(t.Context(), pods...))
				must(t, watch.WaitBound(within(t), len(pods)))
				mustFit(t, namespace, packing.nodes...)
				for i, wish := range packing.wishes {
					used := map[string]int{}
					for _, record := range watch.Records() {
						if strings.HasPrefix(record.Metadata.Name, fmt.Sprintf("wish-%d-", i)) {
							used[record.Spec.NodeName]++
						}
					}
					for node := range used {
						if !strings.HasPrefix(node, wish.prefix+"-") {
							t.Errorf("%d x %s is on %s", wish.each, wish.resource, node)
						}
					}
					allowed := wish.nodes
					if nominate { // a nomination that comes too late is given up, and has kept its room from others meanwhile
						allowed++
					}
					if len(used) > allowed {
						t.Errorf("%d pods of %d x %s are on %d nodes, %d would do: %v", wish.count, wish.each, wish.resource,
							len(used), allowed, used)
					}
				}
				nodes := 0
				for _, shape := range packing.nodes {
					nodes += shape.Count
				}
				g.mustAgree(t, namespace, nodes)
			})
		}
	}
}

// recording writes the cluster as it is to a file that slicegate reads.
func recording(t *testing.T) string {
	t.Helper()
	out, err := harness.MustSucceed(suite.Plane.Kubectl(t.Context(), "get", "nodes,namespaces,pods", "-A", "-o", "json"))
	must(t, err)
	path, err := suite.Slicegate.Write(fmt.Sprintf("cluster-%d.json", suite.namespaces.Add(1)), []byte(out.Stdout))
	must(t, err)
	return path
}

// prediction is what `simulate what-if` says of one kind of pod.
type prediction struct {
	Fits   int
	Placed []struct {
		Node string
		Pods int
	}
}

// whatIf asks how many more of a pod fit on the cluster as it is, and where.
func whatIf(t *testing.T, pod harness.PodShape) prediction {
	t.Helper()
	manifest, err := json.Marshal(pod.Object(""))
	must(t, err)
	out, err := suite.Slicegate.Run(t.Context(), manifest, "simulate", "what-if", "--cluster", recording(t), "-f", "-", "-o", "json")
	must(t, err)
	var answer struct{ Pods []prediction }
	if err := json.Unmarshal([]byte(out.Stdout), &answer); err != nil || len(answer.Pods) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	return answer.Pods[0]
}

// As many pods as `simulate what-if` says, on each node as many as it says, and no more; and it says so of the names that
// scheduler-config found on the recorded nodes. Which of them comes where while there is room is another matter: that
// depends on what the server has learned of its pods.
func TestAsManyAsPredicted(t *testing.T) {
	shapes := []harness.NodeShape{
		harness.A100x40.MIGMixed("mixed", 2, 2, map[string]int{"1g.5gb": 5, "3g.20gb": 2}), harness.H100.Whole("whole", 2, 8),
	}
	namespace, watch := cluster(t, shapes...)
	g := live(t)
	before := []harness.PodShape{one(namespace, "before-a", "nvidia.com/mig-1g.5gb", 1), one(namespace, "before-b", "nvidia.com/gpu", 3)}
	scheduler(t, g.config(t, "--cluster", recording(t)))
	must(t, suite.Plane.CreatePods(t.Context(), before...))
	must(t, watch.WaitBound(within(t), len(before)))
	bound := len(before)
	for resource, each := range map[string]int{"nvidia.com/mig-1g.5gb": 1, "nvidia.com/mig-3g.20gb": 1, "nvidia.com/gpu": 3} {
		pod := one(namespace, "predicted-"+strings.ReplaceAll(filepath.Base(resource), ".", "-"), resource, each)
		predicted := whatIf(t, pod)
		if predicted.Fits < 3 {
			t.Fatalf("%s: %+v", resource, predicted)
		}
		fits := predicted.Fits
		must(t, suite.Plane.CreatePods(t.Context(), pod.Times(fits+2)...))
		bound += fits
		must(t, watch.WaitBound(within(t), bound))
		waitRefused(t, watch, 2)
		if watch.Bound() != bound {
			t.Errorf("%d are bound, %d were predicted", watch.Bound(), bound)
		}
		placed := map[string]int{}
		for _, record := range watch.Records() {
			if strings.HasPrefix(record.Metadata.Name, pod.Name+"-") && record.Spec.NodeName != "" {
				placed[record.Spec.NodeName]++
			}
		}
		for _, node := range predicted.Placed {
			if placed[node.Node] != node.Pods {
				t.Errorf("%d x %s are on %s, %d were predicted", placed[node.Node], pod.Name, node.Node, node.Pods)
			}
		}
		must(t, suite.Plane.API.Call(t.Context(), "DELETE", "/api/v1/namespaces/"+namespace+
			"/pods?gracePeriodSeconds=0&fieldSelector=spec.nodeName=", nil, nil))
	}
	mustFit(t, namespace, shapes...)
}

// With the weight `pack` each pod is where the packing core puts it: where a second slicegate, which is only asked,
// ranks first before the pod is made.
func TestPodsAreWhereTheCorePutsThem(t *testing.T) {
	shapes := []harness.NodeShape{
		harness.A100x40.MIGMixed("mixed", 5, 2, map[string]int{"1g.5gb": 4, "2g.10gb": 2, "3g.20gb": 2}),
		harness.H100.Whole("whole", 5, 8),
	}
	namespace, watch := cluster(t, shapes...)
	var names []string
	for _, shape := range shapes {
		names = append(names, shape.Names()...)
	}
	g, oracle := live(t, "--nominate=false"), live(t, "--nominate=false")
	client := oracle.client(t)
	scheduler(t, g.config(t))
	resources := []string{"nvidia.com/mig-1g.5gb", "nvidia.com/gpu", "nvidia.com/mig-3g.20gb", "nvidia.com/gpu", "nvidia.com/mig-2g.10gb"}
	for i := range 25 {
		pod := one(namespace, fmt.Sprintf("pod-%d", i), resources[i%len(resources)], 1)
		if i%10 == 1 {
			pod = one(namespace, fmt.Sprintf("pod-%d", i), "nvidia.com/gpu", 4)
		}
		answer := oracle.filter(t, client, pod, "asked", names)
		if len(answer.NodeNames) == 0 {
			t.Fatalf("pod %d fits nowhere: %+v", i, answer)
		}
		must(t, suite.Plane.CreatePods(t.Context(), pod))
		record, err := watch.WaitPodBound(within(t), namespace, pod.Name)
		must(t, err)
		if record.Spec.NodeName != answer.NodeNames[0] {
			t.Errorf("%s is on %s, the core ranks %v", pod.Name, record.Spec.NodeName, answer.NodeNames)
		}
		g.settle(t)
		oracle.waitMetric(t, "slicegate_waiting_pods", "", 0)
		oracle.waitMetric(t, "slicegate_state_objects", `"Pod"`, float64(i+1))
	}
	mustFit(t, namespace, shapes...)
}

// A wish that one of kube-scheduler's own plugins stands for, a preferred node, loses against our order with the weight
// `pack` and wins with `advise`.
func TestWeightSaysWhoDecides(t *testing.T) {
	for weight, want := range map[string]string{"pack": "node-0", "advise": "node-1"} {
		t.Run(weight, func(t *testing.T) {
			namespace, watch := cluster(t, harness.H100.Whole("node", 2, 8))
			g := live(t, "--nominate=false")
			scheduler(t, g.config(t, "--weight", weight))
			first := one(namespace, "first", "nvidia.com/gpu", 1)
			first.NodeSelector = map[string]string{"kubernetes.io/hostname": "node-0"}
			must(t, suite.Plane.CreatePods(t.Context(), first))
			_, err := watch.WaitPodBound(within(t), namespace, "first")
			must(t, err)
			g.settle(t)
			second := one(namespace, "second", "nvidia.com/gpu", 1)
			second.Spec = map[string]any{"affinity": map[string]any{"nodeAffinity": map[string]any{
				"preferredDuringSchedulingIgnoredDuringExecution": []any{map[string]any{"weight": 100, "preference": map[string]any{
					"matchExpressions": []any{map[string]any{"key": "kubernetes.io/hostname", "operator": "In", "values": []string{"node-1"}}},
				}}},
			}}}
			must(t, suite.Plane.CreatePods(t.Context(), second))
			record, err := watch.WaitPodBound(within(t), namespace, "second")
			must(t, err)
			if record.Spec.NodeName != want {
				t.Errorf("with the weight %s it is on %s", weight, record.Spec.NodeName)
			}
		})
	}
}
