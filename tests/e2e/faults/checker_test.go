// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"strconv"
	"strings"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

// recorded is a list of events, one a line: "KIND UID VERSION AMOUNT NODE CARDS PHASE", where "-" is nothing.
func recorded(t *testing.T, c *Checker, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) != 7 {
			t.Fatalf("%q", line)
		}
		for i := range words {
			words[i] = strings.TrimPrefix(words[i], "-")
		}
		pod := &harness.Pod{}
		pod.Metadata.Name, pod.Metadata.UID, pod.Metadata.ResourceVersion = "pod", words[1], words[2]
		pod.Spec.Containers = append(pod.Spec.Containers, struct {
			Resources struct{ Requests map[string]string }
		}{struct{ Requests map[string]string }{map[string]string{Resource: words[3]}}})
		pod.Spec.NodeName, pod.Status.Phase = words[4], words[6]
		if words[5] != "" {
			pod.Metadata.Annotations = map[string]string{devices: words[5]}
		}
		c.See(words[0], pod)
	}
}

func kinds(c *Checker) (found []string) {
	for _, finding := range c.Findings {
		found = append(found, finding.Kind)
	}
	return found
}

func TestCheckerOnRecordedEvents(t *testing.T) {
	for name, test := range map[string]struct {
		events string
		want   string // kinds
		bound  int
	}{
		"cards are shared, ended and given again": {`
			ADDED    a 1 600 - - Pending
			ADDED    b 2 400 - - Pending
			ADDED    c 3 2k  - - Pending
			MODIFIED a 4 600 n 0 Pending
			MODIFIED b 5 400 n 0 Pending
			MODIFIED b 6 400 n 0 Running
			MODIFIED a 7 600 n 0 Succeeded
			DELETED  b 8 400 n 0 Running
			MODIFIED c 9 2k  n 1,0 Pending
			DELETED  a 10 600 n 0 Succeeded
			MODIFIED c 11 2k n 1,0 Failed
			ADDED    d 12 1k n 0 Pending`, "", 4},
		"who waits holds nothing": {`
			ADDED    a 1 1k - 0 Pending
			ADDED    b 2 1k n 0 Pending
			DELETED  a 3 1k - 0 Pending`, "", 1},
		"the same card of another node": {`
			ADDED a 1 1k n 0 Pending
			ADDED b 2 1k m 0 Pending`, "", 2},
		"two pods, one card": {`
			ADDED a 1 1k n 0 Pending
			ADDED b 2 1k n 0 Pending`, Double, 2},
		"a thousandth too much": {`
			ADDED a 1 500 n 0 Pending
			ADDED b 2 501 n 0 Pending`, Double, 2},
		"for a moment only": {`
			ADDED a 1 1k n 0 Pending
			ADDED b 2 250 n 0 Pending
			DELETED b 3 250 n 0 Pending`, Double, 2},
		"one of several cards": {`
			ADDED a 1 250 n 1 Pending
			ADDED b 2 2k n 0,1 Pending`, Double, 2},
		"the end comes a moment later": {`
			ADDED   a 1 1k n 0 Running
			ADDED   b 2 1k n 0 Pending
			DELETED a 3 1k n 0 Running`, Double, 2},
		"no annotation":                         {"ADDED a 1 500 n - Pending", NoCard, 1},
		"no such card":                          {"ADDED a 1 500 n 2 Pending", NoCard, 1},
		"no such node":                          {"ADDED a 1 500 x 0 Pending", NoCard, 1},
		"no number":                             {"ADDED a 1 500 n 00 Pending", NoCard, 1},
		"too few":                               {"ADDED a 1 2k n 0 Pending", WrongCount, 1},
		"too many":                              {"ADDED a 1 500 n 0,1 Pending", WrongCount, 1},
		"twice the same card":                   {"ADDED a 1 2k n 0,0 Pending", WrongCount, 1},
		"wrong, and over when it is first seen": {"ADDED a 1 500 n - Failed", NoCard, 1},
		"another card later": {`
			ADDED    a 1 1k n 0 Pending
			MODIFIED a 2 1k n 1 Pending
			ADDED    b 3 1k n 0 Pending
			ADDED    d 4 1k n 1 Pending`, Moved + " " + Double, 3},
		"back to an older version": {`
			ADDED a 2 1k n 0 Pending
			ADDED b 1 1k n 1 Pending`, Disorder, 2},
	} {
		t.Run(name, func(t *testing.T) {
			c := NewChecker(map[string]int{"n": 2, "m": 1})
			recorded(t, c, test.events)
			if have := strings.Join(kinds(c), " "); have != test.want || c.Bound != test.bound {
				t.Errorf("%d were bound, found is %q: %v", c.Bound, have, c.Findings)
			}
		})
	}
}

func TestCheckerKnowsWhatIsFree(t *testing.T) {
	c := NewChecker(map[string]int{"n": 2})
	for i, want := range []int{750, 500, 250, 0} {
		recorded(t, c, "ADDED "+string(rune('a'+i))+" "+strconv.Itoa(i+1)+" 250 n 1 Pending")
		if c.Free("n", 1) != want || c.Free("n", 0) != whole {
			t.Errorf("%d and %d are free", c.Free("n", 1), c.Free("n", 0))
		}
	}
	recorded(t, c, "DELETED b 9 250 n 1 Running")
	if len(c.Findings) != 0 || c.Free("n", 1) != 250 {
		t.Errorf("%d are free, %v", c.Free("n", 1), c.Findings)
	}
}
