// SPDX-License-Identifier: Apache-2.0

// Democluster tells what slicegate does on a real Kubernetes control plane, with the real kubectl. It checks that the
// story goes as told.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"slicegate.dev/tests/e2e/harness"
)

// chapter is one command and what has to come of it.
type chapter struct {
	title   string
	args    []string // of kubectl
	refused bool
	says    []string
}

const manifests = "testdata/manifests"

var story = []chapter{
	{
		title:   "Half a GPU does not exist. Kubernetes would say \"must be an integer\"; slicegate says what to write instead.",
		args:    []string{"apply", "-f", "pod-fraction.yaml"},
		refused: true, says: []string{"gpu-limits"},
	},
	{
		title:   "A dry run on the server asks slicegate too: the mistake shows before anything is changed.",
		args:    []string{"apply", "-f", "deployment-no-team.yaml", "--dry-run=server"},
		refused: true, says: []string{"budget-labels", "slicegate.dev/team"},
	},
	{
		title:   "Custom resources with pod templates are judged where the user applies them. Kubernetes does not look into these.",
		args:    []string{"apply", "-f", "pytorchjob-fraction.yaml"},
		refused: true, says: []string{"gpu-limits", "spec.pytorchReplicaSpecs"},
	},
	{
		title:   "A container that takes every GPU of its node without asking for one.",
		args:    []string{"apply", "-f", "pod-bypass-environment.yaml"},
		refused: true, says: []string{"gpu-bypass"},
	},
	{
		title: "This policy only warns of a GPU workload without an end.",
		args:  []string{"apply", "-f", "pod-no-lifetime.yaml"},
		says:  []string{"Warning: ", "lifetime", "pod/notebook-ada created"},
	},
	{
		title: "A training run that does everything right ...",
		args:  []string{"apply", "-f", "pod-training.yaml"},
		says:  []string{"pod/finetune-llama created"},
	},
	{
		title: "... has the toleration for GPU nodes now, which its author forgot.",
		args:  []string{"get", "pod", "finetune-llama", "-o", `jsonpath={range .spec.tolerations[*]}{.key}{" "}{.operator}{" "}{.effect}{"\n"}{end}`},
		says:  []string{"nvidia.com/gpu Exists"},
	},
}

var outage = []chapter{
	{
		title: "slicegate is killed. Whoever asks for no GPU does not notice ...",
		args:  []string{"apply", "-f", "deployment-cpu-only.yaml"},
		says:  []string{"deployment.apps/frontend created"},
	},
	{
		title:   "... and nobody gets a GPU unseen.",
		args:    []string{"apply", "-f", "deployment-inference.yaml"},
		refused: true, says: []string{"failed calling webhook"},
	},
}

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := tell(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "\ndemo-cluster: the story did not go as told:", err)
		os.Exit(1)
	}
	fmt.Println("\nThat was all of it: everything is stopped, and nothing is left behind.")
}

func tell(ctx context.Context) error {
	binary, controlPlane := os.Getenv("SLICEGATE"), os.Getenv("SLICEGATE_CONTROL_PLANE")
	if binary == "" || controlPlane == "" {
		return errors.New("SLICEGATE (the binary) and SLICEGATE_CONTROL_PLANE (what cluster/build.sh prints) must be set: use tests/e2e/demo.sh")
	}
	dir, err := harness.TempDir()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	heading("A Kubernetes control plane of its own: etcd, kube-apiserver, kube-controller-manager. The manifests are in tests/e2e/testdata.")
	plane, err := harness.StartControlPlane(ctx, controlPlane, dir)
	if err != nil {
		return err
	}
	defer plane.Stop()
	if _, err := harness.MustSucceed(plane.Kubectl(ctx, "apply", "-f", "testdata/crds")); err != nil {
		return err
	}
	if _, err := harness.MustSucceed(plane.Kubectl(ctx, "wait", "--for=condition=Established", "--timeout=30s", "-f", "testdata/crds")); err != nil {
		return err
	}
	if err := tellChapter(ctx, plane, chapter{args: []string{"version"}, says: []string{"Server Version: v1."}}); err != nil {
		return err
	}

	heading("slicegate beside it, without any rights in it, and the webhooks that it asks for.")
	slicegate, err := harness.InstallSlicegate(binary, dir)
	if err != nil {
		return err
	}
	text, err := os.ReadFile("testdata/policy.yaml")
	if err != nil {
		return err
	}
	policy, err := slicegate.Write("policy.yaml", text)
	if err != nil {
		return err
	}
	gate, err := harness.Raise(ctx, plane, slicegate, policy)
	if err != nil {
		return err
	}
	command("slicegate certs issue --dir certs --ip 127.0.0.1")
	command("slicegate serve --listen " + gate.Server.Address + " --tls-cert certs/tls.crt --tls-key certs/tls.key --policy policy.yaml &")
	command("slicegate webhook-config --url " + gate.Server.URL() + " --ca-bundle certs/ca.crt --policy policy.yaml | kubectl apply -f -")
	output(gate.Applied)

	for _, c := range story {
		if err := tellChapter(ctx, plane, c); err != nil {
			return errors.Join(err, gate.Server.Kill())
		}
	}
	if err := gate.Server.Kill(); err != nil {
		return err
	}
	for _, c := range outage {
		if err := tellChapter(ctx, plane, c); err != nil {
			return err
		}
	}
	return nil
}

// tellChapter runs the command where the manifests are, prints it with what it answers, and checks the answer.
func tellChapter(ctx context.Context, plane *harness.ControlPlane, c chapter) error {
	if c.title != "" {
		heading(c.title)
	}
	cmd := plane.Command(ctx, c.args...)
	cmd.Dir = filepath.FromSlash(manifests)
	var shown []string
	for _, arg := range cmd.Args[1:] {
		if strings.ContainsAny(arg, ` {"`) {
			arg = "'" + strings.ReplaceAll(arg, "\n", `\n`) + "'"
		}
		shown = append(shown, arg)
	}
	command("kubectl " + strings.Join(shown, " "))
	text, err := cmd.CombinedOutput()
	output(string(text))
	if cmd.ProcessState == nil {
		return err
	}
	if refused := !cmd.ProcessState.Success(); refused != c.refused {
		return fmt.Errorf("refused is %v there, and should be %v", refused, c.refused)
	}
	for _, want := range c.says {
		if !strings.Contains(string(text), want) {
			return fmt.Errorf("nothing is said of %q there", want)
		}
	}
	return nil
}

func heading(text string) { fmt.Printf("\n# %s\n", text) }

func command(text string) { fmt.Printf("$ %s\n", text) }

func output(text string) {
	for line := range strings.Lines(text) {
		fmt.Println("  " + strings.TrimRight(line, "\n"))
	}
}
