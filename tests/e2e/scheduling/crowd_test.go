// SPDX-License-Identifier: Apache-2.0

package scheduling

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

// crowd are so many clients that ask at once, each over a connection of its own; each takes the next task until none is
// left.
const crowd = 16

func inCrowd(tasks int, do func(client, task int)) {
	var next atomic.Int32
	var done sync.WaitGroup
	for client := range crowd {
		done.Go(func() {
			for task := int(next.Add(1)) - 1; task < tasks; task = int(next.Add(1)) - 1 {
				do(client, task)
			}
		})
	}
	done.Wait()
}

// Sixteen at once ask for more cards than there are, of which only slicegate knows how much is given: what it has
// promised to one it promises to nobody else, whoever is let in is bound where it was let in, and who is refused would not
// fit.
func TestCrowdIsPromisedWhatThereIs(t *testing.T) {
	const nodes, cardsEach, capacity = 4, 4, 4 * 4 * 1000
	for name, sizes := range map[string][]int{"alike": {250}, "mixed": {250, 500, 1000, 250, 750, 2000}} {
		t.Run(name, func(t *testing.T) {
			shape := cards("card", nodes, cardsEach)
			namespace, watch := cluster(t, shape)
			g := live(t, "--nominate=false")
			var pods []harness.PodShape
			for asked := 0; asked < 2*capacity; asked += harness.Amount(pods[len(pods)-1].Requests[milli]) {
				pods = append(pods, one(namespace, fmt.Sprintf("pod-%d", len(pods)), milli, sizes[len(pods)%len(sizes)]))
			}
			must(t, suite.Plane.CreatePods(t.Context(), pods...))
			g.waitMetric(t, "slicegate_waiting_pods", "", float64(len(pods)))
			uids := make([]string, len(pods))
			made, err := suite.Plane.Pods(t.Context(), namespace, "")
			must(t, err)
			for _, pod := range made {
				var i int
				_, err := fmt.Sscanf(pod.Metadata.Name, "pod-%d", &i)
				must(t, err)
				uids[i] = pod.Metadata.UID
			}
			clients := make([]*http.Client, crowd)
			for i := range clients {
				clients[i] = g.client(t)
			}

			places := make([]string, len(pods))
			ask := func(client, i int) {
				places[i] = ""
				if answer := g.filter(t, clients[client], pods[i], uids[i], shape.Names()); len(answer.NodeNames) > 0 {
					places[i] = answer.NodeNames[0]
				} else if len(answer.FailedNodes) != nodes {
					t.Errorf("%s is let in nowhere, and is told %+v", pods[i].Name, answer)
				}
			}
			inCrowd(len(pods), ask)
			var placed []int
			promised := map[string]int{}
			for i, node := range places {
				if node != "" {
					placed = append(placed, i)
					promised[node] += harness.Amount(pods[i].Requests[milli])
				}
			}
			for node, amount := range promised {
				if amount > cardsEach*1000 {
					t.Errorf("%s has %d, and %d are promised", node, cardsEach*1000, amount)
				}
			}
			if name == "alike" && len(placed) != capacity/sizes[0] {
				t.Errorf("%d of %d have a place, where there are %d", len(placed), len(pods), capacity/sizes[0])
			}
			g.waitMetric(t, "slicegate_holds{", `"tentative"`, float64(len(placed)))

			// Nothing has become free since anybody was refused.
			var refused []int
			for i, node := range places {
				if node == "" {
					refused = append(refused, i)
				}
			}
			inCrowd(len(refused), func(client, task int) {
				ask(client, refused[task])
				if node := places[refused[task]]; node != "" {
					t.Errorf("%s was refused, and now has a place on %s", pods[refused[task]].Name, node)
				}
			})

			inCrowd(len(placed), func(client, task int) {
				i := placed[task]
				status, text := g.call(t, clients[client], http.MethodPost, "/scheduler/bind", fmt.Appendf(nil,
					`{"PodName":%q,"PodNamespace":%q,"PodUID":%q,"Node":%q}`, pods[i].Name, namespace, uids[i], places[i]))
				if status != http.StatusOK || text != `{"Error":""}` {
					t.Errorf("%s is not bound to %s, where it was let in: %d %s", pods[i].Name, places[i], status, text)
				}
			})
			must(t, watch.WaitBound(within(t), len(placed)))
			total := 0
			for _, amount := range mustNotShareTooMuch(t, namespace, cardsEach) {
				total += amount
			}
			for _, amount := range promised {
				total -= amount
			}
			if total != 0 {
				t.Errorf("the cards give %d more than was promised", total)
			}
			g.waitMetric(t, "slicegate_holds{", "", 0)
		})
	}
}
