// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// A refusal takes the warnings along: the user learns everything at once.
func TestRefusalCarriesWarnings(t *testing.T) {
	sharedGate(t)
	out := kubectl(t, "apply", "-n", newNamespace(t), "-f", manifest("pod-no-team"))
	expectRefusal(t, out, "budget-labels")
	if warnings := out.Warnings(); len(warnings) != 1 || !strings.Contains(warnings[0], "lifetime") {
		t.Errorf("not one warning about the lifetime but %q", warnings)
	}
}

var andMore = regexp.MustCompile(`\band ([0-9]+) more\b`)

// Warnings stay within what HTTP and kube-apiserver carry, and none of them is lost or cut in silence.
func TestWarningsKeepTheirLimits(t *testing.T) {
	sharedGate(t)
	namespace := newNamespace(t)
	const containers = 100
	var many []any
	for i := range containers {
		many = append(many, map[string]any{
			"name": fmt.Sprintf("worker-%d", i), "image": "registry.example/vision/worker:2",
			// No CPU and no memory: one warning of host-balance for each container.
			"resources": map[string]any{"limits": map[string]any{"nvidia.com/gpu": "1"}},
		})
	}
	pod := map[string]any{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"name": "many", "labels": map[string]any{"slicegate.dev/team": "vision"}},
		"spec":     map[string]any{"containers": many, "activeDeadlineSeconds": 3600, "restartPolicy": "Never"},
	}
	answer, err := suite.plane.API.DryRunPod(t.Context(), namespace, pod)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Status != http.StatusCreated {
		t.Fatalf("%d: %s", answer.Status, answer.Message())
	}

	total := 0
	for _, warning := range answer.Warnings {
		total += len(warning)
		if strings.IndexFunc(warning, unicode.IsControl) >= 0 {
			t.Errorf("a control character in %q", warning)
		}
		if !andMore.MatchString(warning) && !strings.Contains(warning, "host-balance") {
			t.Errorf("which rule is it? %q", warning)
		}
	}
	if total > 4096 {
		t.Errorf("%d characters in all", total)
	}
	if len(answer.Warnings) < 2 {
		t.Fatalf("only %q", answer.Warnings)
	}
	last := answer.Warnings[len(answer.Warnings)-1]
	m := andMore.FindStringSubmatch(last)
	if m == nil {
		t.Fatalf("the last warning does not say how many are left out: %q", last)
	}
	if shown := len(answer.Warnings) - 1; fmt.Sprint(containers-shown) != m[1] {
		t.Errorf("%d of %d are shown, and %s more", shown, containers, m[1])
	}
	// Nothing is cut: all of them are of one form.
	form := regexp.MustCompile(`\d+`)
	for _, warning := range answer.Warnings[1 : len(answer.Warnings)-1] {
		if form.ReplaceAllString(warning, "N") != form.ReplaceAllString(answer.Warnings[0], "N") {
			t.Errorf("%q is not of the form of %q", warning, answer.Warnings[0])
		}
	}
}
