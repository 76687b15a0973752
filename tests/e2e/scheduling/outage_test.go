// SPDX-License-Identifier: Apache-2.0

package scheduling

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

// The extender is gone. With `ignorable` pods are placed without it; without it they wait, and are placed when it is
// back.
func TestExtenderIsDown(t *testing.T) {
	for _, ignorable := range []bool{true, false} {
		t.Run(fmt.Sprintf("ignorable=%v", ignorable), func(t *testing.T) {
			shape := harness.H100.Whole("node", 3, 8)
			namespace, watch := cluster(t, shape)
			g := live(t, "--nominate=false")
			var flags []string
			if ignorable {
				flags = append(flags, "--ignorable")
			}
			scheduler(t, g.config(t, flags...))
			must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "before", "nvidia.com/gpu", 1)))
			must(t, watch.WaitBound(within(t), 1))

			must(t, g.Kill())
			must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "without", "nvidia.com/gpu", 1).Times(6)...))
			if ignorable {
				must(t, watch.WaitBound(within(t), 7))
			} else {
				waitEvent(t, namespace, "without-0", "FailedScheduling", "connect: connection refused")
				if bound := watch.Bound(); bound != 1 {
					t.Errorf("%d are bound without the extender", bound)
				}
			}
			must(t, g.Restart(t.Context()))
			must(t, g.WaitReady(within(t)))
			must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "after", "nvidia.com/gpu", 1).Times(3)...))
			must(t, watch.WaitBound(within(t), 10))
			mustFit(t, namespace, shape)
			g.mustAgree(t, namespace, 3)
		})
	}
}

// With `ignorable` GPUs that kube-scheduler counts are given without the extender; cards are not, since nobody else
// chooses them: 600 of each of four cards are all there is, and kube-scheduler would find room for six such pods.
func TestCardsWaitWhileOthersGoOn(t *testing.T) {
	gpu, card := harness.H100.Whole("gpu", 1, 8), cards("card", 2, 2)
	namespace, watch := cluster(t, gpu, card)
	g := live(t, "--nominate=false")
	scheduler(t, g.config(t, "--bind", "--ignorable"))
	must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "gpu-before", "nvidia.com/gpu", 1),
		one(namespace, "card-before", milli, 600)))
	must(t, watch.WaitBound(within(t), 2))
	mustNotShareTooMuch(t, namespace, 2)

	must(t, g.Kill())
	must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "card", milli, 600).Times(3)...))
	must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "gpu", "nvidia.com/gpu", 1).Times(6)...))
	for i := range 3 {
		waitEvent(t, namespace, fmt.Sprintf("card-%d", i), "FailedScheduling", "connect: connection refused")
	}
	must(t, watch.WaitBound(within(t), 8))
	mustNotShareTooMuch(t, namespace, 2)

	must(t, g.Restart(t.Context()))
	must(t, g.WaitReady(within(t)))
	must(t, watch.WaitBound(within(t), 11))
	mustFit(t, namespace, gpu, card)
	if given := mustNotShareTooMuch(t, namespace, 2); len(given) != 4 {
		t.Errorf("four pods have the cards %v", given)
	}
	g.mustAgree(t, namespace, 3)
	if bound := g.metric(t, "slicegate_extender_requests_total", `verb="bind",result="bound"`); bound != 3 {
		t.Errorf("%v were bound by slicegate since it is back, three ask for cards", bound)
	}
	must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "late", milli, 600)))
	if why := waitRefused(t, watch, 1)[0].WhyWaiting(); !strings.Contains(why, "2 "+milli+" left only in pieces") {
		t.Errorf("it is told %q", why)
	}
}

// slicegate is killed and comes back, twice, in the middle of 500 pods: all are bound, none twice, and what it knows
// afterwards is right. With stock plugins and with cards that only slicegate counts.
func TestKilledInTheMiddle(t *testing.T) {
	const nodes, pods = 32, 500
	for name, test := range map[string]struct {
		resource string
		each     int
		shape    harness.NodeShape
		flags    []string
	}{
		"plugin": {"nvidia.com/gpu", 1, harness.H100.Whole("node", 64, 8), nil},
		"cards":  {milli, 250, cards("node", nodes, 4), []string{"--bind", "--ignored-by-scheduler", milli}},
	} {
		t.Run(name, func(t *testing.T) {
			namespace, watch := cluster(t, test.shape)
			g := live(t)
			scheduler(t, g.config(t, test.flags...))
			created := make(chan error, 1)
			go func() {
				created <- suite.Plane.CreatePods(t.Context(), one(namespace, "pod", test.resource, test.each).Times(pods)...)
			}()
			for _, bound := range []int{pods / 5, pods / 2} {
				must(t, watch.WaitBound(within(t), bound))
				must(t, g.Restart(t.Context()))
				must(t, g.WaitReady(within(t)))
			}
			must(t, <-created)
			ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
			defer cancel()
			must(t, watch.WaitBound(ctx, pods))
			mustFit(t, namespace, test.shape)
			if test.resource == milli {
				mustNotShareTooMuch(t, namespace, 4)
			}
			if records := watch.Records(); len(records) != pods {
				t.Errorf("%d pods were seen", len(records))
			}
			g.mustAgree(t, namespace, test.shape.Count)
		})
	}
}
