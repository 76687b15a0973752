// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

// plant is a bug that somebody could have: what it does to a node of two cards, and what the checker has to say.
type plant struct {
	name string
	want string
	do   func(ctx context.Context, g *garden) error
}

// garden is where one bug is planted: a namespace and a node of its own, in the same kube-apiserver.
type garden struct {
	plane *harness.ControlPlane
	space string
	node  string

	mutex   sync.Mutex
	checker *Checker
}

var plants = []plant{
	{"none: cards are shared, and given again when their pods are over", "", func(ctx context.Context, g *garden) error {
		return errors.Join(g.bind(ctx, "a", 600, "0"), g.bind(ctx, "b", 400, "0"), g.bind(ctx, "c", 1000, "1"),
			g.plane.SetPodPhase(ctx, g.space, "a", "", "Succeeded"), g.plane.DeletePod(ctx, g.space, "b"), g.bind(ctx, "d", 1000, "0"),
			g.plane.DeletePod(ctx, g.space, "c"), g.bind(ctx, "c", 250, "1"))
	}},
	{"a card that another pod holds", Double, func(ctx context.Context, g *garden) error {
		return errors.Join(g.bind(ctx, "a", 1000, "0"), g.bind(ctx, "b", 1000, "0"))
	}},
	{"more of a card than is left", Double, func(ctx context.Context, g *garden) error {
		return errors.Join(g.bind(ctx, "a", 500, "0"), g.bind(ctx, "b", 501, "0"))
	}},
	{"one of two cards is another pod's", Double, func(ctx context.Context, g *garden) error {
		return errors.Join(g.bind(ctx, "a", 250, "1"), g.bind(ctx, "b", 2000, "0,1"))
	}},
	{"a card is given again while its pod is being deleted", Double, func(ctx context.Context, g *garden) error {
		return errors.Join(g.bind(ctx, "a", 1000, "0"), g.plane.DeletePodGracefully(ctx, g.space, "a"), g.bind(ctx, "b", 1000, "0"))
	}},
	{"two hold a card for a moment", Double, func(ctx context.Context, g *garden) error {
		return errors.Join(g.bind(ctx, "a", 1000, "0"), g.bind(ctx, "b", 1000, "0"), g.plane.DeletePod(ctx, g.space, "b"))
	}},
	{"the card of another pod of the same name", Double, func(ctx context.Context, g *garden) error {
		return errors.Join(g.bind(ctx, "a", 700, "0"), g.plane.DeletePod(ctx, g.space, "a"), g.bind(ctx, "a", 700, "0"), g.bind(ctx, "b", 700, "0"))
	}},
	{"no card", NoCard, func(ctx context.Context, g *garden) error { return g.bind(ctx, "a", 500, "") }},
	{"a card that does not exist", NoCard, func(ctx context.Context, g *garden) error { return g.bind(ctx, "a", 500, "2") }},
	{"too few cards", WrongCount, func(ctx context.Context, g *garden) error { return g.bind(ctx, "a", 2000, "1") }},
	{"one card twice", WrongCount, func(ctx context.Context, g *garden) error { return g.bind(ctx, "a", 2000, "1,1") }},
	{"another card than the Binding named", Moved, func(ctx context.Context, g *garden) error {
		return errors.Join(g.bind(ctx, "a", 1000, "1"), g.plane.AnnotatePod(ctx, g.space, "a", devices, "0"))
	}},
}

// bind makes a pod, which no scheduler takes, and binds it.
func (g *garden) bind(ctx context.Context, name string, amount int, cards string) error {
	pod := podOf(g.space, name, amount)
	pod.SchedulerName = "nobody"
	if err := g.plane.CreatePods(ctx, pod); err != nil {
		return err
	}
	return bind(ctx, g.plane, g.space, name, g.node, cards)
}

// PlantBugs plants each bug in turn, from outside, and returns an error unless the checker finds each, by its right name,
// and nothing where there is none. It returns how many bugs it planted.
func PlantBugs(ctx context.Context, plane *harness.ControlPlane) (int, error) {
	planted := 0
	for i, p := range plants {
		if err := p.tryOut(ctx, plane, fmt.Sprintf("planted-%d", i)); err != nil {
			return planted, fmt.Errorf("planted: %s: %w", p.name, err)
		}
		if p.want != "" {
			planted++
		}
	}
	return planted, lostPodIsFound(ctx, plane)
}

func (p plant) tryOut(ctx context.Context, plane *harness.ControlPlane, space string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := plane.CreateNamespace(ctx, space); err != nil {
		return err
	}
	names, err := plane.CreateNodes(ctx, harness.NodeShape{
		Count: 1, Prefix: space, Labels: map[string]string{harness.SimulatedLabel: "none"},
	})
	if err != nil {
		return err
	}
	g := &garden{plane: plane, space: space, node: names[0], checker: NewChecker(map[string]int{names[0]: 2})}
	isLast := make(chan struct{})
	_, err = plane.PodEvents(ctx, space, func(event string, pod *harness.Pod) {
		g.mutex.Lock()
		defer g.mutex.Unlock()
		g.checker.See(event, pod)
		if pod.Metadata.Name == "last" && event == "ADDED" {
			close(isLast)
		}
	})
	if err != nil {
		return err
	}
	if err := p.do(ctx, g); err != nil {
		return err
	}
	last := podOf(space, "last", 1)
	last.SchedulerName = "nobody"
	if err := plane.CreatePods(ctx, last); err != nil {
		return err
	}
	select {
	case <-isLast:
	case <-ctx.Done():
		return errors.New("the checker does not see the last pod")
	}
	g.mutex.Lock()
	found := g.checker.Findings
	g.mutex.Unlock()
	if p.want == "" && len(found) > 0 || p.want != "" && (len(found) != 1 || found[0].Kind != p.want) {
		return fmt.Errorf("the checker should find %q, and finds %v", p.want, found)
	}
	return errors.Join(plane.DeletePods(ctx, space), plane.DeleteNode(ctx, g.node))
}

// lostPodIsFound: a pod that nobody binds is missed at the end of a run.
func lostPodIsFound(ctx context.Context, plane *harness.ControlPlane) error {
	w := &world{plane: plane, pods: map[string]*alive{"lost": {name: "lost", uid: "lost", amount: 250}}}
	ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if err := w.waitAllBound(ctx); err == nil || !strings.Contains(err.Error(), "lost") {
		return fmt.Errorf("a pod that is never bound is not missed: %v", err)
	}
	return nil
}
