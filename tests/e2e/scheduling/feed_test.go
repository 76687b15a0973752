// SPDX-License-Identifier: Apache-2.0

package scheduling

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

// proxied is slicegate with a proxy between it and kube-apiserver.
func proxied(t *testing.T, args ...string) (*gate, *harness.Proxy) {
	t.Helper()
	proxy, err := suite.Plane.Proxy()
	must(t, err)
	t.Cleanup(proxy.Stop)
	return liveThrough(t, proxy, args...), proxy
}

// mustSay checks a line of /readyz?verbose.
func (g *gate) mustSay(t *testing.T, text string) {
	t.Helper()
	must(t, harness.Poll(within(t), fmt.Sprintf("readyz to say %q", text), func() error {
		status, have, err := g.Get(t.Context(), "/readyz?verbose")
		if err == nil && (status != http.StatusOK || !strings.Contains(have, text)) {
			err = fmt.Errorf("%d %s", status, have)
		}
		return err
	}))
}

// The API server cannot be followed for a while: connections are cut for a minute, or stand and say nothing. kube-scheduler goes on
// with what slicegate knew, that it is old is said, and afterwards slicegate knows all that has happened meanwhile.
func TestFeedIsLost(t *testing.T) {
	for name, loss := range map[string]struct {
		begin   func(*harness.Proxy)
		seconds float64
		flags   []string
	}{
		"cut": {(*harness.Proxy).Cut, 60, nil}, "silent": {(*harness.Proxy).Swallow, 1, []string{"--feed-silence-seconds", "4"}},
	} {
		t.Run(name, func(t *testing.T) {
			shape := harness.H100.Whole("node", 4, 8)
			namespace, watch := cluster(t, shape)
			g, proxy := proxied(t, loss.flags...)
			scheduler(t, g.config(t))
			must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "before", "nvidia.com/gpu", 1).Times(6)...))
			must(t, watch.WaitBound(within(t), 6))
			g.mustAgree(t, namespace, 4)

			loss.begin(proxy)
			must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "meanwhile", "nvidia.com/gpu", 1).Times(10)...))
			must(t, watch.WaitBound(within(t), 16))
			for i := range 3 {
				must(t, suite.Plane.DeletePod(t.Context(), namespace, fmt.Sprintf("before-%d", i)))
			}
			_, err := suite.Plane.CreateNodes(t.Context(), harness.H100.Whole("late", 1, 8))
			must(t, err)
			g.waitMetric(t, "slicegate_feed_interrupted", `"Pod"`, 1)
			g.mustSay(t, "[!] feed Pod:")
			ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
			defer cancel()
			must(t, harness.Poll(ctx, "the feed to be so old", func() error {
				if age := g.metric(t, "slicegate_feed_age_seconds", ""); age < loss.seconds {
					return fmt.Errorf("it is %v", age)
				}
				return nil
			}))
			if known := g.metric(t, "slicegate_state_objects", `"Node"`); known != 4 {
				t.Errorf("%v nodes are known through a feed that is lost", known)
			}
			// Asked still, when all that was held for those pods has run out.
			must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "still", "nvidia.com/gpu", 1).Times(4)...))
			must(t, watch.WaitBound(within(t), 20))

			proxy.Restore()
			g.mustAgree(t, namespace, 5)
			g.waitMetric(t, "slicegate_feed_interrupted", "", 0)
			g.mustSay(t, "[+] feed Pod:")
			must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "after", "nvidia.com/gpu", 1).Times(10)...))
			must(t, watch.WaitBound(within(t), 30))
			mustFit(t, namespace, shape, harness.H100.Whole("late", 1, 8))
			g.mustAgree(t, namespace, 5)
		})
	}
}

// kube-apiserver no longer knows how to go on from where slicegate was (410 Expired): it lists again and is right.
func TestWatchExpires(t *testing.T) {
	shape := harness.H100.Whole("node", 3, 8)
	namespace, watch := cluster(t, shape)
	g, proxy := proxied(t)
	s := scheduler(t, g.config(t))
	must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "before", "nvidia.com/gpu", 1).Times(6)...))
	must(t, watch.WaitBound(within(t), 6))
	g.mustAgree(t, namespace, 3)
	listed := g.metric(t, "slicegate_feed_stories_total", `kind="Pod",story="listed"`)

	proxy.Cut()
	must(t, suite.Plane.DeletePod(t.Context(), namespace, "before-0"))
	must(t, suite.Plane.DeletePod(t.Context(), namespace, "before-1"))
	must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "meanwhile", "nvidia.com/gpu", 1).Times(3)...))
	must(t, watch.WaitBound(within(t), 9))
	// A new kube-apiserver remembers no events.
	must(t, suite.Plane.RestartAPIServer(t.Context()))
	proxy.Restore()
	g.mustAgree(t, namespace, 3)
	if again := g.metric(t, "slicegate_feed_stories_total", `kind="Pod",story="listed"`); again <= listed {
		t.Errorf("pods were listed %v times, before that %v: no 410 was seen", again, listed)
	}
	must(t, s.Restart(t.Context())) // whose own watches have just broken
	must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "after", "nvidia.com/gpu", 1).Times(3)...))
	must(t, harness.Poll(within(t), "all to be bound", func() error {
		pods, err := suite.Plane.Pods(t.Context(), namespace, "")
		for _, pod := range pods {
			if pod.Spec.NodeName == "" {
				err = fmt.Errorf("%s is not", pod.Metadata.Name)
			}
		}
		return err
	}))
	mustFit(t, namespace, shape)
	g.mustAgree(t, namespace, 3)
}
