// SPDX-License-Identifier: Apache-2.0

// Package e2e holds slicegate to its word against a real Kubernetes control plane. run.sh builds what it needs and
// runs it.
package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

const patience = 60 * time.Second // for whatever should be there in a moment

// One control plane serves all tests; each test has namespaces of its own. Most tests share a gate too.
var suite struct {
	plane      *harness.ControlPlane
	slicegate  *harness.Slicegate
	inputs     harness.Inputs // the suite's policy and the recorded cluster, as slicegate sees them
	gate       *harness.Gate
	namespaces atomic.Int32
}

func TestMain(m *testing.M) {
	os.Exit(harness.RunSuite(m, harness.SuiteOptions{Prepare: prepare, Finish: finish}))
}

// prepare makes the nodes, some namespaces and the custom resources, and gives slicegate its policy and a recording of
// the cluster as it is then.
func prepare(ctx context.Context, s *harness.Suite) error {
	suite.plane, suite.slicegate = s.Plane, s.Slicegate
	text, err := os.ReadFile("testdata/policy.yaml")
	if err != nil {
		return err
	}
	if suite.inputs.Policy, err = suite.slicegate.Write("policy.yaml", text); err != nil {
		return err
	}
	if err := suite.plane.Apply(ctx, "testdata/cluster"); err != nil {
		return err
	}
	if suite.inputs.Cluster, err = record(ctx, "cluster.json"); err != nil {
		return err
	}
	if err := suite.plane.Apply(ctx, "testdata/crds"); err != nil {
		return err
	}
	_, err = harness.MustSucceed(suite.plane.Kubectl(ctx, "wait", "--for=condition=Established", "--timeout=30s", "-f", "testdata/crds"))
	return err
}

func finish(ctx context.Context) error {
	if suite.gate == nil {
		return nil
	}
	return suite.gate.Lower(ctx)
}

// record writes the cluster as it is now to a file of slicegate, and returns its path.
func record(ctx context.Context, name string) (string, error) {
	recording, err := suite.plane.Record(ctx)
	if err != nil {
		return "", err
	}
	return suite.slicegate.Write(name, []byte(recording))
}

// sharedGate is the gate under the suite's policy, for tests that leave it as it is.
func sharedGate(t *testing.T) *harness.Gate {
	t.Helper()
	if suite.gate == nil {
		suite.gate = raise(t, suite.inputs)
	}
	g := suite.gate
	t.Cleanup(func() { logGate(t, g) })
	return g
}

// noGate leaves the cluster without slicegate.
func noGate(t *testing.T) {
	t.Helper()
	if suite.gate == nil {
		return
	}
	g := suite.gate
	suite.gate = nil
	if err := g.Lower(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// ownGate is a gate that the test may kill or change. It is gone after the test.
func ownGate(t *testing.T) *harness.Gate {
	t.Helper()
	return ownGateWith(t, suite.inputs)
}

func ownGateWith(t *testing.T, inputs harness.Inputs) *harness.Gate {
	t.Helper()
	noGate(t)
	g := raise(t, inputs)
	t.Cleanup(func() {
		if err := g.Lower(context.Background()); err != nil {
			t.Error(err)
		}
		logGate(t, g)
	})
	return g
}

func raise(t *testing.T, inputs harness.Inputs) *harness.Gate {
	t.Helper()
	g, err := harness.Raise(t.Context(), suite.plane, suite.slicegate, inputs)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func logGate(t *testing.T, g *harness.Gate) {
	if t.Failed() {
		t.Logf("the end of %s's log:\n%s", g.Server.Name, g.Server.Tail(20))
	}
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// newNamespace makes a namespace for the test.
func newNamespace(t *testing.T) string {
	t.Helper()
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(strings.TrimPrefix(t.Name(), "Test")), "-"), "-")
	name = strings.Trim(fmt.Sprintf("e2e-%d-%.40s", suite.namespaces.Add(1), name), "-")
	if err := suite.plane.CreateNamespace(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	return name
}

// kubectl runs the real kubectl; what it says is for the test to judge.
func kubectl(t *testing.T, args ...string) harness.Output {
	t.Helper()
	return kubectlInput(t, "", args...)
}

func kubectlInput(t *testing.T, stdin string, args ...string) harness.Output {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := suite.plane.KubectlInput(ctx, stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// mustKubectl runs a kubectl command that has to succeed.
func mustKubectl(t *testing.T, args ...string) harness.Output {
	t.Helper()
	out := kubectl(t, args...)
	if out.Code != 0 {
		t.Fatalf("this has to succeed:\n%s", out)
	}
	return out
}

// mustBeSilent: no warning, and nothing else for the user to read.
func mustBeSilent(t *testing.T, out harness.Output) {
	t.Helper()
	if out.Stderr != "" {
		t.Errorf("nothing is to be said here:\n%s", out)
	}
}

// object fetches an object into a value of the given type.
func object[T any](t *testing.T, namespace, name string) T {
	t.Helper()
	var value T
	out := mustKubectl(t, "get", "-n", namespace, name, "-o", "json")
	if err := json.Unmarshal([]byte(out.Stdout), &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// eventually waits until try is content.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := harness.Poll(ctx, what, try); err != nil {
		t.Fatal(err)
	}
}

// expectRefusal checks that slicegate, and nobody else, refused, and that its message holds each text.
func expectRefusal(t *testing.T, out harness.Output, texts ...string) {
	t.Helper()
	if out.Code == 0 {
		t.Errorf("this has to be refused:\n%s", out)
		return
	}
	for _, text := range append(texts, "admission webhook", "denied the request") {
		if !strings.Contains(out.Stderr, text) {
			t.Errorf("the refusal does not say %q:\n%s", text, out)
		}
	}
}

func manifest(name string) string { return filepath.Join("testdata", "manifests", name+".yaml") }

func readManifest(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(manifest(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// pod, deployment: the few fields that tests look at.
type toleration struct{ Key, Operator, Value, Effect string }

type podSpec struct {
	Tolerations           []toleration
	ActiveDeadlineSeconds *int64
	Containers            []struct{ Name, Image string }
}

type pod struct {
	Metadata struct {
		Name, UID       string
		ResourceVersion string
		Labels          map[string]string
		OwnerReferences []struct{ Kind, Name, UID string }
	}
	Spec podSpec
}

func (p pod) tolerates(match func(toleration) bool) (count int) {
	for _, t := range p.Spec.Tolerations {
		if match(t) {
			count++
		}
	}
	return count
}

type list[T any] struct{ Items []T }

type deployment struct {
	Spec struct{ Template struct{ Spec podSpec } }
}

// podsOf waits until a namespace holds so many pods, and returns them.
func podsOf(t *testing.T, namespace string, count int) []pod {
	t.Helper()
	var pods list[pod]
	eventually(t, fmt.Sprintf("%d pods in %s", count, namespace), func() error {
		answer, err := suite.plane.API.Do(t.Context(), http.MethodGet, "/api/v1/namespaces/"+namespace+"/pods", nil)
		if err != nil {
			return err
		}
		pods = list[pod]{}
		if err := json.Unmarshal(answer.Body, &pods); err != nil {
			return err
		}
		if len(pods.Items) < count {
			return fmt.Errorf("there are %d", len(pods.Items))
		}
		return nil
	})
	return pods.Items
}

// podsGone waits until no more than so many pods of a selector are left.
func podsGone(t *testing.T, namespace, selector string, left int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d pods with %s in %s", left, selector, namespace), func() error {
		names := strings.Fields(mustKubectl(t, "get", "pods", "-n", namespace, "-l", selector, "-o", "name").Stdout)
		if len(names) > left {
			return fmt.Errorf("there are %q", names)
		}
		return nil
	})
}

func errorOf(out harness.Output) error { return fmt.Errorf("kubectl is refused:\n%s", out) }

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
}
