// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	_ "embed" // for what kwok is told
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Simulated nodes carry this label, and kwok leaves all others alone.
const (
	SimulatedLabel = "type"
	SimulatedValue = "kwok"
)

// RunsFor is the annotation of a pod that ends by itself: so long ("1500ms") after it has begun to run, it succeeds.
const RunsFor = "e2e.slicegate.dev/runs-for"

var (
	//go:embed kwok/stages.yaml
	kwokStages []byte
	//go:embed kwok/rbac.yaml
	kwokRBAC string
)

// Kwok plays the kubelets of simulated nodes.
type Kwok struct {
	*Process

	plane *ControlPlane
	path  string
	args  []string
}

// StartKwok starts the binary kwok of the folder bin (what tools/build.sh kwok prints) and returns when it works: nodes
// with the label SimulatedLabel become Ready and renew their leases, pods that are bound to them run, and pods that are
// deleted go.
func StartKwok(ctx context.Context, plane *ControlPlane, bin string) (*Kwok, error) {
	if bin == "" {
		return nil, errors.New("the folder of kwok is not known (SLICEGATE_KWOK, what tools/build.sh kwok prints): use tests/e2e/run.sh")
	}
	if _, err := MustSucceed(plane.KubectlInput(ctx, kwokRBAC, "apply", "-f", "-")); err != nil {
		return nil, err
	}
	kubeconfig := plane.path("kwok.kubeconfig")
	if err := plane.writeKubeconfig(kubeconfig, "kwok", kwokToken); err != nil {
		return nil, err
	}
	stages := plane.path("kwok-stages.yaml")
	if err := os.WriteFile(stages, kwokStages, 0o600); err != nil {
		return nil, err
	}
	k := &Kwok{plane: plane, path: filepath.Join(bin, "kwok"), args: []string{
		"--kubeconfig=" + kubeconfig, "--config=" + stages,
		"--manage-all-nodes=false", "--manage-nodes-with-label-selector=" + SimulatedLabel + "=" + SimulatedValue,
		"--node-lease-duration-seconds=40",
	}}
	return k, k.start(ctx)
}

func (k *Kwok) start(ctx context.Context) error {
	number := k.plane.count("kwok") + 1
	p, err := k.plane.runAs(fmt.Sprintf("kwok-%d", number), k.path, k.args...)
	if err != nil {
		return err
	}
	k.Process = p
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	if err := k.probe(ctx, fmt.Sprintf("kwok-probe-%d", number)); err != nil {
		return errors.Join(err, p.Kill())
	}
	return nil
}

// probe shows that kwok works by a node that takes no pods.
func (k *Kwok) probe(ctx context.Context, name string) error {
	shape := NodeShape{Unready: true}
	node := shape.object(name)
	node["spec"] = map[string]any{"unschedulable": true}
	if err := k.plane.API.Call(ctx, http.MethodPost, "/api/v1/nodes", node, nil); err != nil {
		return err
	}
	err := Poll(ctx, "kwok to make a node Ready", func() error {
		if k.Exited() {
			return Permanent(fmt.Errorf("kwok ended; its log:\n%s", k.Tail(30)))
		}
		ready, err := k.plane.NodeReady(ctx, name)
		if err == nil && !ready {
			err = errors.New("it is not")
		}
		return err
	})
	return errors.Join(err, k.plane.DeleteNode(context.WithoutCancel(ctx), name))
}

// Stop asks kwok to end.
func (k *Kwok) Stop() error {
	_, err := k.Terminate(10 * time.Second)
	return err
}

// Restart starts it anew; one that still runs is stopped first. Two of it share the nodes by their leases, and the new
// one would wait until those of the old one have run out: they are removed.
func (k *Kwok) Restart(ctx context.Context) error {
	if err := k.Stop(); err != nil {
		return err
	}
	const leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
	if err := k.plane.API.Call(ctx, http.MethodDelete, leases, nil, nil); err != nil {
		return err
	}
	return k.start(ctx)
}
