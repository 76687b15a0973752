// SPDX-License-Identifier: Apache-2.0

// Package faults runs pods that ask for cards through a real kube-scheduler and slicegate, while both are killed and
// their connections are cut, slow or lose answers, and checks from outside that no card is ever given twice. kube-scheduler
// does not count the cards (ignoredByScheduler): it would hide what slicegate does wrong.
package faults

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"slicegate.dev/tests/e2e/harness"
)

// Resource is what pods ask for: thousandths of cards that slicegate chooses.
const Resource = "slicegate.dev/gpu-milli"

const (
	devices = "slicegate.dev/devices" // the annotation that names a pod's cards
	whole   = 1000                    // of a card
)

// Kinds of findings.
const (
	Double     = "double"      // a card gives more than it has
	NoCard     = "no card"     // a bound pod names none, or none that exists there
	WrongCount = "wrong count" // it names more or fewer than it asks for, or one twice
	Moved      = "moved"       // a bound pod names another card, or node, than before
	Disorder   = "disorder"    // the events are not in the order of their commits: nothing is proved
)

// Finding is something that must not be.
type Finding struct{ Kind, Text string }

func (f Finding) String() string { return f.Kind + ": " + f.Text }

// seen is a pod as its last event showed it.
type seen struct {
	name, uid   string
	node, cards string // once it is bound
	amount      int    // of Resource
	holds       []card // none before it is bound, nor after its end
}

type card struct {
	node  string
	index int
}

// Checker knows pods as kube-apiserver committed them, and nothing of slicegate. A pod holds its cards from the commit of
// its Binding to that of its end: a terminal phase, or its removal; a deletionTimestamp is no end.
type Checker struct {
	Findings []Finding
	Bound    int // pods that were ever bound

	nodes   map[string]int // how many cards each has
	pods    map[string]*seen
	given   map[card]int
	version uint64
}

// NewChecker makes a checker of nodes with so many cards.
func NewChecker(nodes map[string]int) *Checker {
	return &Checker{nodes: maps.Clone(nodes), pods: map[string]*seen{}, given: map[card]int{}}
}

// See takes one event of a watch. Events have to come in the order of their commits, and none may be left out.
func (c *Checker) See(event string, pod *harness.Pod) {
	c.inOrder(pod)
	p := c.pods[pod.Metadata.UID]
	if p == nil {
		p = &seen{name: pod.Metadata.Name, uid: pod.Metadata.UID}
		c.pods[p.uid] = p
	}
	isOver := event == "DELETED" || pod.Status.Phase == "Succeeded" || pod.Status.Phase == "Failed"
	cards := pod.Metadata.Annotations[devices]
	switch {
	case pod.Spec.NodeName == "": // waits
	case p.node == "":
		p.node, p.cards, p.amount = pod.Spec.NodeName, cards, amountOf(pod)
		c.Bound++
		held := c.named(p) // checked even if it is over at once
		if !isOver {
			c.hold(p, held)
		}
	case p.node != pod.Spec.NodeName || p.cards != cards:
		c.find(Moved, "%s had %q on %s, and has %q on %s", p, p.cards, p.node, cards, pod.Spec.NodeName)
		p.node, p.cards = pod.Spec.NodeName, cards
		c.release(p)
		if held := c.named(p); !isOver {
			c.hold(p, held)
		}
	}
	if isOver {
		c.release(p)
	}
	if event == "DELETED" {
		delete(c.pods, p.uid)
	}
}

// Free is how much of a card of a node is not given to anybody.
func (c *Checker) Free(node string, index int) int { return whole - c.given[card{node, index}] }

func (c *Checker) inOrder(pod *harness.Pod) {
	version, err := strconv.ParseUint(pod.Metadata.ResourceVersion, 10, 64)
	if err != nil || version <= c.version {
		c.find(Disorder, "%s comes at version %q after %d", pod.Metadata.Name, pod.Metadata.ResourceVersion, c.version)
	}
	c.version = max(c.version, version)
}

// named are the cards that a bound pod names, as far as they exist.
func (c *Checker) named(p *seen) []card {
	var found []card
	for word := range strings.SplitSeq(p.cards, ",") {
		index, err := strconv.Atoi(word)
		if err != nil || strconv.Itoa(index) != word || index < 0 || index >= c.nodes[p.node] {
			c.find(NoCard, "%s is on %s, which has %d cards, and names %q", p, p.node, c.nodes[p.node], p.cards)
			continue
		}
		if slices.Contains(found, card{p.node, index}) {
			c.find(WrongCount, "%s names a card twice: %q", p, p.cards)
			continue
		}
		found = append(found, card{p.node, index})
	}
	if want := (p.amount + whole - 1) / whole; p.cards != "" && strings.Count(p.cards, ",")+1 != want {
		c.find(WrongCount, "%s asks for %d and names %q", p, p.amount, p.cards)
	}
	return found
}

func (c *Checker) hold(p *seen, cards []card) {
	p.holds = cards
	for _, card := range cards {
		if c.given[card] += p.each(); c.given[card] > whole {
			c.find(Double, "card %d of %s gives %d: %s", card.index, card.node, c.given[card], strings.Join(c.holders(card), ", "))
		}
	}
}

func (c *Checker) release(p *seen) {
	for _, card := range p.holds {
		c.given[card] -= p.each()
	}
	p.holds = nil
}

func (c *Checker) holders(of card) []string {
	var found []string
	for _, p := range c.pods {
		if slices.Contains(p.holds, of) {
			found = append(found, fmt.Sprintf("%s with %d", p, p.amount))
		}
	}
	slices.Sort(found)
	return found
}

func (c *Checker) find(kind, format string, args ...any) {
	c.Findings = append(c.Findings, Finding{kind, fmt.Sprintf(format, args...)})
}

// each is how much it takes of each of its cards.
func (p *seen) each() int { return min(p.amount, whole) }

func (p *seen) String() string { return p.name + " (" + p.uid + ")" }

func amountOf(pod *harness.Pod) (sum int) {
	for _, container := range pod.Spec.Containers {
		sum += harness.Amount(container.Resources.Requests[Resource])
	}
	return sum
}
