// SPDX-License-Identifier: Apache-2.0

package scheduling

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

// milli are thousandths of a card that slicegate chooses.
const milli = "slicegate.dev/gpu-milli"

// cards are nodes whose plugin hands out the cards that an annotation names.
func cards(prefix string, nodes, count int) harness.NodeShape {
	return harness.NodeShape{
		Count: nodes, Prefix: prefix, Labels: map[string]string{"nvidia.com/gpu.product": harness.T4.Product},
		Allocatable: map[string]string{milli: strconv.Itoa(count * 1000)},
	}
}

// mustNotShareTooMuch checks that every bound pod of cards names its own, that they exist, and that no card gives more
// than it has. It returns what each card gives, by "node/card".
func mustNotShareTooMuch(t *testing.T, namespace string, count int) map[string]int {
	t.Helper()
	pods, err := suite.Plane.Pods(t.Context(), namespace, "")
	must(t, err)
	given := map[string]int{}
	for _, pod := range pods {
		if pod.Spec.NodeName == "" || pod.Status.Phase == "Succeeded" || pod.Status.Phase == "Failed" {
			continue
		}
		amount, err := strconv.Atoi(pod.Spec.Containers[0].Resources.Requests[milli])
		if err != nil {
			continue
		}
		text := pod.Metadata.Annotations["slicegate.dev/devices"]
		names := strings.Split(text, ",")
		if amount >= 1000 && len(names) != amount/1000 {
			t.Errorf("%s asks for %d and names %q", pod.Metadata.Name, amount, text)
		}
		for _, name := range names {
			card, err := strconv.Atoi(name)
			if err != nil || card < 0 || card >= count {
				t.Errorf("%s on %s names the card %q", pod.Metadata.Name, pod.Spec.NodeName, text)
				continue
			}
			key := fmt.Sprintf("%s/%d", pod.Spec.NodeName, card)
			if given[key] += min(amount, 1000); given[key] > 1000 {
				t.Errorf("card %s gives %d", key, given[key])
			}
		}
	}
	return given
}
