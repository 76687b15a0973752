// SPDX-License-Identifier: Apache-2.0

// Democluster tells what slicegate does on a real Kubernetes control plane, with the real kubectl. It checks that the
// story goes as told.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"slicegate.dev/tests/e2e/harness"
)

// chapter is one command and what has to come of it.
type chapter struct {
	title string
	args  []string // of kubectl; a file stands below the project's folder
	fails bool
	says  []string
}

var story = []chapter{
	{
		title: "Half a GPU. Kubernetes would only say \"must be an integer\".",
		args:  []string{"apply", "-f", "deploy/examples/refused/pod-fraction.yaml"},
		fails: true, says: []string{"[gpu-limits]", "nvidia.com/mig-1g.10gb"},
	},
	{
		title: "A slice that no node here can ever provide: the pod would be Pending for ever, without a reason.",
		args:  []string{"apply", "-f", "tests/e2e/testdata/manifests/pod-mig-absent.yaml"},
		fails: true, says: []string{"[mig-profile]", "H100 80GB nodes offer 1g.10gb, 3g.40gb"},
	},
	{
		title: "A dry run on the server gets the same answer. Here: a misspelt name.",
		args:  []string{"apply", "--dry-run=server", "-f", "deploy/examples/refused/statefulset-misspelt.yaml"},
		fails: true, says: []string{"[gpu-limits]", "nvidia.com/gpus"},
	},
	{
		title: "A template inside a custom resource, which Kubernetes does not look into.",
		args:  []string{"apply", "-f", "deploy/examples/refused/pytorchjob-request-only.yaml"},
		fails: true, says: []string{"[gpu-limits]", "spec.pytorchReplicaSpecs.Master"},
	},
	{
		title: "A container that takes every GPU of its node without asking for one.",
		args:  []string{"apply", "-f", "deploy/examples/refused/deployment-bypass.yaml"},
		fails: true, says: []string{"[gpu-bypass]"},
	},
	{
		title: "Waste is a warning, unless a policy says otherwise: a GPU node for a pod that needs no GPU.",
		args:  []string{"apply", "-f", "deploy/examples/warned/deployment-on-gpu-node.yaml"},
		says:  []string{"Warning: [gpu-node-use]", "deployment.apps/preprocess created"},
	},
	{
		title: "A training run that does everything right ...",
		args:  []string{"apply", "-f", "tests/e2e/testdata/manifests/pod-training.yaml"},
		says:  []string{"pod/finetune-llama created"},
	},
	{
		title: "... now tolerates the taint of GPU nodes, which its author forgot.",
		args:  []string{"get", "pod", "finetune-llama", "-o", `jsonpath={.spec.tolerations[?(@.key=="nvidia.com/gpu")]}`},
		says:  []string{`"key":"nvidia.com/gpu"`},
	},
}

var outage = []chapter{
	{
		title: "slicegate is killed. Who asks for no GPU does not notice ...",
		args:  []string{"apply", "-f", "deploy/examples/accepted/deployment-web.yaml"},
		says:  []string{"deployment.apps/web created"},
	},
	{
		title: "... and nobody gets a GPU unseen, because failurePolicy Fail was asked for.",
		args:  []string{"apply", "-f", "deploy/examples/accepted/pod-slice.yaml"},
		fails: true, says: []string{"failed calling webhook"},
	},
}

func main() {
	// A reader who has seen enough (`| head`) ends the story too, in order.
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	defer cancel()
	err := tell(ctx)
	if ctx.Err() != nil {
		fmt.Fprintln(os.Stderr, "\ndemo-cluster: interrupted; everything is stopped")
		os.Exit(130)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "\ndemo-cluster: the story did not go as told:", err)
		os.Exit(1)
	}
	fmt.Println("\nThat is all. Everything is stopped, and nothing is left behind.")
}

// teller knows where things are.
type teller struct {
	plane   *harness.ControlPlane
	project string // its folder, in which the commands run
}

func tell(ctx context.Context) error {
	binary, controlPlane := os.Getenv("SLICEGATE"), os.Getenv("SLICEGATE_CONTROL_PLANE")
	if binary == "" || controlPlane == "" {
		return errors.New("SLICEGATE (the binary) and SLICEGATE_CONTROL_PLANE (what tools/build.sh control-plane prints) must be set: use tests/e2e/demo.sh")
	}
	dir, err := harness.TempDir()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	project, err := filepath.Abs("../..")
	if err != nil {
		return err
	}

	heading("A Kubernetes control plane of its own, with five nodes that have no machine behind them")
	plane, err := harness.StartControlPlane(ctx, controlPlane, dir, harness.PlaneOptions{})
	if err != nil {
		return err
	}
	defer plane.Stop()
	t := &teller{plane: plane, project: project}
	if err := t.populate(ctx); err != nil {
		return err
	}
	nodes := []string{"get", "nodes", "-L", "nvidia.com/gpu.product,nvidia.com/mig.config"}
	if err := t.tell(ctx, chapter{args: nodes, says: []string{"NVIDIA-H100-80GB-HBM3"}}); err != nil {
		return err
	}

	heading("slicegate beside it, without rights in it: it is told what nodes there are, and judges by its built-in policy")
	slicegate, err := harness.InstallSlicegate(binary, dir)
	if err != nil {
		return err
	}
	recording, err := plane.Record(ctx)
	if err != nil {
		return err
	}
	cluster, err := slicegate.Write("cluster.json", []byte(recording))
	if err != nil {
		return err
	}
	gate, err := harness.Raise(ctx, plane, slicegate, harness.Inputs{Cluster: cluster})
	if err != nil {
		return err
	}
	defer gate.Server.Kill()
	command("kubectl get nodes,namespaces -o json > cluster.json")
	command("slicegate certs issue --dir certs --ip 127.0.0.1")
	command("slicegate serve --listen " + gate.Server.Address + " --tls-cert certs/tls.crt --tls-key certs/tls.key --cluster cluster.json &")
	command("slicegate webhook-config --url " + gate.Server.URL() + " --ca-bundle certs/ca.crt --failure-policy Fail | kubectl apply -f -")
	output(gate.Applied)

	for _, c := range story {
		if err := t.tell(ctx, c); err != nil {
			return err
		}
	}
	if err := t.check(ctx, binary, cluster); err != nil {
		return err
	}
	if err := gate.Server.Kill(); err != nil {
		return err
	}
	for _, c := range outage {
		if err := t.tell(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// populate makes the nodes and namespaces of the recorded cluster that the examples are written for, and the custom
// resources.
func (t *teller) populate(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(t.project, "deploy/examples/cluster.json"))
	if err != nil {
		return err
	}
	var recorded map[string]any
	if err := json.Unmarshal(text, &recorded); err != nil {
		return err
	}
	items, _ := recorded["items"].([]any)
	for _, item := range items {
		object, _ := item.(map[string]any)
		metadata, _ := object["metadata"].(map[string]any)
		for _, field := range []string{"uid", "resourceVersion", "creationTimestamp"} { // of the cluster that was recorded
			delete(metadata, field)
		}
	}
	if text, err = json.Marshal(recorded); err != nil {
		return err
	}
	// Not validated: the recording leaves out what identifies machines.
	if _, err := harness.MustSucceed(t.plane.KubectlInput(ctx, string(text), "apply", "--validate=false", "-f", "-")); err != nil {
		return err
	}
	if _, err := harness.MustSucceed(t.plane.Kubectl(ctx, "apply", "-f", "testdata/crds")); err != nil {
		return err
	}
	_, err = harness.MustSucceed(t.plane.Kubectl(ctx, "wait", "--for=condition=Established", "--timeout=30s", "-f", "testdata/crds"))
	return err
}

// tell runs a command of kubectl, prints it with what it answers, and checks the answer.
func (t *teller) tell(ctx context.Context, c chapter) error {
	if c.title != "" {
		heading(c.title)
	}
	cmd := t.plane.Command(ctx, c.args...)
	return t.run(cmd, "kubectl "+shown(c.args), c)
}

func (t *teller) check(ctx context.Context, binary, cluster string) error {
	heading("The same words offline, for CI: the recorded cluster is a file")
	const arguments = "check --cluster cluster.json deploy/examples/refused/pod-fraction.yaml"
	args := strings.Fields(strings.Replace(arguments, "cluster.json", cluster, 1))
	return t.run(exec.CommandContext(ctx, binary, args...), "slicegate "+arguments,
		chapter{fails: true, says: []string{"[gpu-limits]", "pod-fraction.yaml:13:"}})
}

func (t *teller) run(cmd *exec.Cmd, what string, c chapter) error {
	command(what)
	cmd.Dir = t.project
	text, err := cmd.CombinedOutput()
	output(string(text))
	if cmd.ProcessState == nil {
		return err
	}
	if failed := !cmd.ProcessState.Success(); failed != c.fails {
		return fmt.Errorf("that it failed is %v, and should be %v", failed, c.fails)
	}
	for _, want := range c.says {
		if !strings.Contains(string(text), want) {
			return fmt.Errorf("nothing is said of %q there", want)
		}
	}
	return nil
}

// shown is the arguments as a shell takes them.
func shown(args []string) string {
	var words []string
	for _, arg := range args {
		if strings.ContainsAny(arg, ` {"\`) {
			arg = "'" + arg + "'"
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}

func heading(text string) { fmt.Printf("\n# %s\n", text) }

func command(text string) { fmt.Printf("$ %s\n", text) }

// output prints what a command said, indented, and with its long lines folded between words.
func output(text string) {
	const width = 110
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		indent := "  "
		for len(line) > width {
			cut := strings.LastIndexByte(line[:width], ' ')
			if cut <= 0 {
				break
			}
			fmt.Println(indent + line[:cut])
			line = strings.TrimLeft(line[cut:], " ")
			indent = "      "
		}
		fmt.Println(strings.TrimRight(indent+line, " "))
	}
}
