// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

// expectation is what has to happen to a file of testdata/manifests.
type expectation struct {
	file    string
	denied  []string // rules; empty: accepted
	warned  []string // rules
	says    []string // in the refusal, or else in the warnings
	saysNot []string
}

var expectations = []expectation{
	// Accepted without a word.
	{file: "pod-training"},
	{file: "pod-mig-slice"},
	{file: "pod-cpu-only"},
	{file: "pod-devices-void"},
	{file: "deployment-inference"},
	{file: "deployment-cpu-only"},
	{file: "statefulset-index"},
	{file: "job-evaluation"},
	{file: "cronjob-retraining"},
	{file: "pytorchjob-pretraining"},
	{file: "pytorchjob-cpu-only"},
	{file: "raycluster-tuning"},
	{file: "raycluster-cpu-only"},
	// Accepted with a warning.
	{file: "pod-no-lifetime", warned: []string{"lifetime"}},
	// Nobody to bill, in every kind.
	{file: "pod-no-team", denied: []string{"budget-labels"}, warned: []string{"lifetime"}, says: []string{"slicegate.dev/team"}},
	{file: "deployment-no-team", denied: []string{"budget-labels"}, says: []string{"slicegate.dev/team"}},
	{file: "statefulset-no-team", denied: []string{"budget-labels"}, says: []string{"slicegate.dev/team"}},
	{file: "job-no-team", denied: []string{"budget-labels"}, says: []string{"slicegate.dev/team"}},
	{file: "cronjob-no-team", denied: []string{"budget-labels"}, says: []string{"slicegate.dev/team"}},
	{file: "raycluster-no-team", denied: []string{"budget-labels"}, says: []string{"slicegate.dev/team"}},
	// What Kubernetes would refuse too, in our words; and what it would not notice.
	{file: "pod-fraction", denied: []string{"gpu-limits"},
		says: []string{"spec.containers[0].resources.limits", "nvidia.com/gpu"}, saysNot: []string{"must be an integer"}},
	{file: "pod-request-without-limit", denied: []string{"gpu-limits"},
		says: []string{"spec.containers[0].resources", "nvidia.com/gpu"}, saysNot: []string{"overcommitable"}},
	{file: "deployment-fraction", denied: []string{"gpu-limits"},
		says: []string{"spec.template.spec.containers[0].resources.limits"}, saysNot: []string{"must be an integer"}},
	{file: "pytorchjob-fraction", denied: []string{"gpu-limits"},
		says: []string{"spec.pytorchReplicaSpecs", "Worker", "Master"}},
	{file: "pod-misspelt", denied: []string{"gpu-limits"}, says: []string{"nvidia.com/gpus", "nvidia.com/gpu"}},
	{file: "pod-mig-impossible", denied: []string{"mig-profile"}, says: []string{"mig-5g.35gb"}},
	// What depends on the nodes that there are.
	{file: "pod-mig-absent", denied: []string{"mig-profile"},
		says: []string{"no node in this cluster can ever provide `mig-3g.20gb`", "H100 80GB nodes offer 1g.10gb, 3g.40gb",
			"nearest: `nvidia.com/mig-3g.40gb`"}},
	{file: "pod-mig-not-now", warned: []string{"mig-profile"}, says: []string{"no node offers `mig-2g.20gb` now"}},
	{file: "pod-slice-would-do", denied: []string{"right-size"}, says: []string{"slicegate.dev/gpu-memory", "nvidia.com/mig-1g.10gb"}},
	{file: "pod-product-absent", denied: []string{"gpu-node-affinity"},
		says: []string{"no node of this cluster has nvidia.com/gpu.product NVIDIA-H100-80GB-HBM2", "name NVIDIA-H100-80GB-HBM3"}},
	{file: "pod-share-dev"},
	{file: "pod-share-production", denied: []string{"sharing"},
		says: []string{"nvidia.com/mig-1g.6gb is a share of a GPU on every node of this cluster", "environment production"}},
	{file: "deployment-shares", denied: []string{"sharing"},
		says: []string{"on the nodes with product NVIDIA-L4-SHARED", "spec.template.spec.containers[0].resources.limits"}},
	// Around the scheduler, and onto nodes that others need.
	{file: "pod-bypass-environment", denied: []string{"gpu-bypass"}, says: []string{"NVIDIA_VISIBLE_DEVICES", "spec.containers[0].env"}},
	{file: "pod-bypass-hostpath", denied: []string{"gpu-bypass"}, says: []string{"/dev/nvidia0", "spec.volumes[0]"}},
	{file: "deployment-bypass", denied: []string{"gpu-bypass"}, says: []string{"NVIDIA_VISIBLE_DEVICES", "spec.template.spec.containers[0].env"}},
	{file: "pod-gpu-node-without-gpu", denied: []string{"gpu-node-use"}, says: []string{"spec.tolerations[0]"}},
	{file: "pod-tolerates-everything", denied: []string{"gpu-node-use"}, says: []string{"spec.tolerations[0]"}},
}

func (e expectation) accepted() bool { return len(e.denied) == 0 }

// Each manifest meets the same fate by kubectl apply, by its server-side dry run, and by slicegate check.
func TestManifests(t *testing.T) {
	sharedGate(t)
	for _, e := range expectations {
		t.Run(e.file, func(t *testing.T) {
			namespace := newNamespace(t)

			dry := kubectl(t, "apply", "-n", namespace, "-f", manifest(e.file), "--dry-run=server")
			e.check(t, dry)
			if e.accepted() && !strings.Contains(dry.Stdout, "created (server dry run)") {
				t.Errorf("a dry run that succeeds says so:\n%s", dry)
			}
			if got := kubectl(t, "get", "-n", namespace, "-f", manifest(e.file)); got.Code == 0 {
				t.Errorf("a dry run stores nothing:\n%s", got)
			}

			e.checkOffline(t, namespace, dry)

			applied := kubectl(t, "apply", "-n", namespace, "-f", manifest(e.file))
			e.check(t, applied)
			if applied.Stderr != dry.Stderr {
				t.Errorf("a dry run says what the real one says, not:\n%s\n%s", dry, applied)
			}
			if got := kubectl(t, "get", "-n", namespace, "-f", manifest(e.file)); (got.Code == 0) != e.accepted() {
				t.Errorf("accepted is %v, but:\n%s", e.accepted(), got)
			}
		})
	}
}

// check compares what kubectl printed with the expectation.
func (e expectation) check(t *testing.T, out harness.Output) {
	t.Helper()
	if e.accepted() {
		if out.Code != 0 {
			t.Errorf("this has to be accepted:\n%s", out)
		}
		for _, text := range e.says {
			if !strings.Contains(out.Stderr, text) {
				t.Errorf("no warning says %q:\n%s", text, out)
			}
		}
	} else {
		expectRefusal(t, out, append(e.says, e.denied...)...)
	}
	for _, text := range e.saysNot {
		if strings.Contains(out.Text(), text) {
			t.Errorf("the answer must not say %q:\n%s", text, out)
		}
	}
	if got := rulesIn(strings.Join(out.Warnings(), "\n")); !slices.Equal(got, e.warned) {
		t.Errorf("warnings of the rules %q, not of %q:\n%s", got, e.warned, out)
	}
}

// checkOffline compares the verdict of slicegate check with the expectation, and its findings with what the cluster
// answered.
func (e expectation) checkOffline(t *testing.T, namespace string, online harness.Output) {
	t.Helper()
	out, err := suite.slicegate.Run(t.Context(), []byte(readManifest(t, e.file)), append([]string{"check", "-f", "-", "-n", namespace, "-o", "json"}, suite.inputs.Args()...)...)
	if err != nil {
		t.Fatal(err)
	}
	if want := map[bool]int{true: 0, false: 1}[e.accepted()]; out.Code != want {
		t.Errorf("check ends with %d, not %d:\n%s", out.Code, want, out)
	}
	var report struct {
		Results []struct{ Rule, Severity, Field, Message, Remedy string }
		Summary struct{ Objects, Denied, Warned, Skipped int }
	}
	if err := json.Unmarshal([]byte(out.Stdout), &report); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	found := map[string][]string{}
	for _, r := range report.Results {
		found[r.Severity] = append(found[r.Severity], r.Rule)
		// Whatever check finds, the cluster says in the same words.
		for _, words := range []string{r.Rule, r.Field, r.Message, r.Remedy} {
			if (r.Severity == "deny" || r.Severity == "warn") && !strings.Contains(online.Stderr, words) {
				t.Errorf("check says %q, kubectl does not:\n%s\n%s", words, out, online)
			}
		}
	}
	for severity, want := range map[string][]string{"deny": e.denied, "warn": e.warned} {
		got := found[severity]
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Errorf("check finds %s of %q, not of %q:\n%s", severity, got, want, out)
		}
	}
	if report.Summary.Objects != 1 {
		t.Errorf("check counts %d objects:\n%s", report.Summary.Objects, out)
	}
}

// The table above names every file.
func TestEveryManifestHasAnExpectation(t *testing.T) {
	files, err := filepath.Glob(manifest("*"))
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, e := range expectations {
		named = append(named, manifest(e.file))
	}
	slices.Sort(named)
	if !slices.Equal(files, named) {
		t.Errorf("there are %q, the table names %q", files, named)
	}
}

var ruleName = regexp.MustCompile(`\b(gpu-limits|gpu-node-use|gpu-toleration|gpu-node-affinity|gpu-bypass|mig-profile|` +
	`right-size|sharing|budget-labels|lifetime|spot|host-balance)\b`)

// rulesIn are the rules that a text names in brackets or as a word, sorted.
func rulesIn(text string) []string {
	found := ruleName.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}
