// SPDX-License-Identifier: Apache-2.0

//go:build realnode

// Package realnode installs slicegate with its chart, from its image, in a whole real cluster of one node: kubelet,
// containerd and kube-proxy besides the control plane. run-node.sh builds what it needs and runs it.
package realnode

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

const (
	patience = 60 * time.Second // for whatever should be there in a moment
	chart    = "../../../charts/slicegate"
	release  = "slicegate"
	system   = "slicegate-system" // the namespace of the release
)

// Pretended devices: two whole GPUs, and a third one that is cut into slices.
var devices = map[string][]string{
	"nvidia.com/gpu":         {"GPU-0a", "GPU-1b"},
	"nvidia.com/mig-1g.10gb": {"MIG-2c", "MIG-3d"},
}

// As GPU Feature Discovery writes them.
var nodeLabels = []string{
	"nvidia.com/gpu.present=true", "nvidia.com/gpu.product=NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu.count=3",
	"nvidia.com/gpu.memory=81559", "nvidia.com/gpu.replicas=1", "nvidia.com/mig.capable=true", "nvidia.com/mig.strategy=mixed",
	"nvidia.com/mig-1g.10gb.count=2",
}

var node *harness.Node

func TestMain(m *testing.M) {
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	programs, images, err := inputs()
	if err != nil {
		fail(err)
	}
	if enclosure := harness.Enclosed(); enclosure != nil {
		os.Exit(runSuite(m, enclosure, programs, images))
	}
	code, err := harness.Enclose()
	if err != nil {
		fail(err)
	}
	os.Exit(code)
}

// inputs are what run-node.sh has built.
func inputs() (programs harness.Programs, images []string, err error) {
	variable := func(name string) string {
		value := os.Getenv(name)
		if value == "" && err == nil {
			err = fmt.Errorf("%s must be set: use tests/e2e/run-node.sh", name)
		}
		return value
	}
	programs = harness.Programs{
		ControlPlane: variable("SLICEGATE_CONTROL_PLANE"), Containerd: variable("SLICEGATE_CONTAINERD"),
		DevicePlugin: variable("SLICEGATE_DEVICE_PLUGIN"), Helm: variable("SLICEGATE_HELM"),
		Slicegate: variable("SLICEGATE"),
	}
	images = []string{variable("SLICEGATE_PAUSE_IMAGE"), variable("SLICEGATE_IMAGE")}
	return programs, images, err
}

// runSuite is the enclosed part. All that it starts ends with this process.
func runSuite(m *testing.M, enclosure *harness.Enclosure, programs harness.Programs, images []string) int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()

	start := time.Now()
	var err error
	if node, err = harness.StartNode(ctx, enclosure, programs, images); err != nil {
		return fail(err)
	}
	defer node.Stop()
	fmt.Printf("e2e: the node is ready after %s\n", time.Since(start).Round(time.Millisecond))
	if err := offerGPUs(ctx); err != nil {
		return fail(err)
	}

	// A test cannot be interrupted from here; its processes can.
	finished := make(chan struct{})
	defer close(finished)
	go func() {
		select {
		case <-finished:
		case <-ctx.Done():
			fmt.Fprintln(os.Stderr, "e2e: interrupted")
			node.Stop()
			os.Exit(130)
		}
	}()

	code := m.Run()
	if code != 0 {
		fmt.Fprint(os.Stderr, node.Tails(10))
	}
	if err := node.DeletePods(ctx); err != nil && code == 0 {
		return fail(err)
	}
	return code
}

func offerGPUs(ctx context.Context) error {
	label := append([]string{"label", "node", node.Name()}, nodeLabels...)
	if _, err := harness.MustSucceed(node.Kubectl(ctx, label...)); err != nil {
		return err
	}
	return node.OfferDevices(ctx, devices)
}
