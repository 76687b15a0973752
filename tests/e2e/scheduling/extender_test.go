// SPDX-License-Identifier: Apache-2.0

package scheduling

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

// extender is a scheduler extender of a few lines that knows names only. It keeps the nodes it is told to keep.
type extender struct {
	keep, prefer string // a prefix of node names, and one name

	mutex               sync.Mutex
	filtered, ranked    map[string][]string // the names it was asked about, by pod
	unexpected          []string
	filters, priorities int
}

func (e *extender) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	var args struct {
		Pod       *harness.Pod
		NodeNames *[]string
		Nodes     *json.RawMessage
	}
	err := json.NewDecoder(request.Body).Decode(&args)
	if err != nil || args.Pod == nil || args.NodeNames == nil || args.Nodes != nil {
		e.unexpected = append(e.unexpected, fmt.Sprintf("%s: %+v, %v", request.URL.Path, args, err))
		http.Error(response, "names only", http.StatusBadRequest)
		return
	}
	var answer any
	switch request.URL.Path {
	case "/scheduler/filter":
		e.filtered[args.Pod.Metadata.Name] = *args.NodeNames
		names, failed := []string{}, map[string]string{}
		for _, name := range *args.NodeNames {
			if strings.HasPrefix(name, e.keep) {
				names = append(names, name)
			} else {
				failed[name] = "not for the test"
			}
		}
		answer = map[string]any{"NodeNames": names, "FailedNodes": failed}
	case "/scheduler/prioritize":
		e.ranked[args.Pod.Metadata.Name] = *args.NodeNames
		scores := []any{}
		for _, name := range *args.NodeNames {
			score := 0
			if name == e.prefer {
				score = 10
			}
			scores = append(scores, map[string]any{"Host": name, "Score": score})
		}
		answer = scores
	default:
		e.unexpected = append(e.unexpected, request.URL.Path)
		http.NotFound(response, request)
		return
	}
	response.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(response).Encode(answer); err != nil {
		e.unexpected = append(e.unexpected, err.Error())
	}
}

// The way to an extender: kube-scheduler asks it about GPU pods, by names, obeys its filter and counts its ranks.
func TestExtenderIsAsked(t *testing.T) {
	e := &extender{keep: "kept", prefer: "kept-2", filtered: map[string][]string{}, ranked: map[string][]string{}}
	server := httptest.NewServer(e)
	defer server.Close()
	namespace, watch := cluster(t, harness.H100.Whole("kept", 3, 8), harness.H100.Whole("left", 3, 8))
	scheduler(t, harness.SchedulerOptions{
		PercentageOfNodesToScore: 100, PodInitialBackoffSeconds: 1, PodMaxBackoffSeconds: 1,
		Extenders: fmt.Sprintf(`- urlPrefix: %s/scheduler
  filterVerb: filter
  prioritizeVerb: prioritize
  weight: 120
  nodeCacheCapable: true
  managedResources: [{name: nvidia.com/gpu}]
`, server.URL),
	})

	must(t, suite.Plane.CreatePods(t.Context(), harness.PodShape{Namespace: namespace, Name: "gpu", Requests: gpus(1)}.Times(8)...))
	must(t, watch.WaitBound(within(t), 8))
	for _, record := range watch.Records() {
		if record.Spec.NodeName != "kept-2" {
			t.Errorf("%s is on %s, not where the extender's weight wants it", record.Metadata.Name, record.Spec.NodeName)
		}
	}
	// The preferred node is full. The others that are kept take sixteen more, and no more than that.
	must(t, suite.Plane.CreatePods(t.Context(), harness.PodShape{Namespace: namespace, Name: "more", Requests: gpus(1)}.Times(17)...))
	must(t, watch.WaitBound(within(t), 24))
	var last harness.PodRecord
	must(t, watch.Wait(within(t), "the pod that is left to be told why", func() error {
		for _, record := range watch.Records() {
			if record.Bound.IsZero() && record.WhyWaiting() != "" {
				last = record
				return nil
			}
		}
		return fmt.Errorf("%d are bound", watch.Bound())
	}))
	waitEvent(t, namespace, last.Metadata.Name, "FailedScheduling", "3 not for the test")
	use := mustNotOverfill(t, namespace, "nvidia.com/gpu", 8)
	for node := range use {
		if !strings.HasPrefix(node, "kept") {
			t.Errorf("pods are on %s, which the extender rules out", node)
		}
	}

	// Who asks for no GPU is none of its business.
	must(t, suite.Plane.CreatePods(t.Context(), harness.PodShape{Namespace: namespace, Name: "cpu", Requests: map[string]string{"cpu": "1"}}))
	_, err := watch.WaitPodBound(within(t), namespace, "cpu")
	must(t, err)

	e.mutex.Lock()
	defer e.mutex.Unlock()
	if len(e.unexpected) > 0 {
		t.Errorf("these were not expected: %q", e.unexpected)
	}
	for pod := range e.ranked {
		if slices.ContainsFunc(e.ranked[pod], func(name string) bool { return !strings.HasPrefix(name, "kept") }) {
			t.Errorf("prioritize of %s is asked about %q, not only what filter left", pod, e.ranked[pod])
		}
	}
	if n := len(e.filtered["gpu-0"]); n != 6 {
		t.Errorf("filter of gpu-0 is asked about %d nodes: %q", n, e.filtered["gpu-0"])
	}
	if len(e.ranked["gpu-0"]) != 3 || len(e.filtered) != 25 || e.filtered["cpu"] != nil || e.ranked["cpu"] != nil {
		t.Errorf("filter was asked about %d pods, prioritize of gpu-0 about %q", len(e.filtered), e.ranked["gpu-0"])
	}
}
