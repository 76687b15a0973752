// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const effectPatience = 30 * time.Second

// Gate is a slicegate server together with the webhook configurations that point at it.
type Gate struct {
	Server  *Server
	Certs   Certificates
	Inputs  Inputs
	Config  string // the printed configurations, as applied
	Applied string // what kubectl said to them

	plane     *ControlPlane
	slicegate *Slicegate
}

// Raise starts a server, applies what `slicegate webhook-config` prints for it exactly as it stands, and waits until
// kube-apiserver acts on it.
func Raise(ctx context.Context, plane *ControlPlane, s *Slicegate, inputs Inputs) (*Gate, error) {
	g := &Gate{Inputs: inputs, plane: plane, slicegate: s}
	var err error
	if g.Certs, err = s.IssueCertificates(ctx, fmt.Sprintf("certs-%d", s.started.Load()+1)); err != nil {
		return nil, err
	}
	if g.Server, err = s.Serve(ctx, "127.0.0.1:0", g.Certs, inputs); err != nil {
		return nil, err
	}
	if err := g.connect(ctx); err != nil {
		return nil, errors.Join(err, g.Lower(ctx))
	}
	return g, nil
}

// Admit is Raise for a server that runs already.
func Admit(ctx context.Context, plane *ControlPlane, server *Server, certs Certificates, inputs Inputs) (*Gate, error) {
	g := &Gate{Server: server, Certs: certs, Inputs: inputs, plane: plane, slicegate: server.slicegate}
	if err := g.connect(ctx); err != nil {
		return nil, errors.Join(err, g.Lower(ctx))
	}
	return g, nil
}

func (g *Gate) connect(ctx context.Context) error {
	var err error
	if g.Config, err = g.slicegate.WebhookConfig(ctx, g.Server.URL(), g.Certs, g.Inputs.Policy, "--failure-policy", "Fail"); err != nil {
		return err
	}
	applied, err := MustSucceed(g.plane.KubectlInput(ctx, g.Config, "apply", "--validate=strict", "-f", "-"))
	if err != nil {
		return err
	}
	g.Applied = applied.Text()
	return g.plane.waitForGate(ctx, true)
}

// Replace starts a second server at the address of the first, and then asks the first to end.
func (g *Gate) Replace(ctx context.Context) error {
	successor, err := g.slicegate.Serve(ctx, g.Server.Address, g.Certs, g.Inputs)
	if err != nil {
		return err
	}
	old := g.Server
	g.Server = successor
	return old.Stop()
}

// Lower removes the configurations, waits until they are without effect, and stops the server.
func (g *Gate) Lower(ctx context.Context) error {
	var problems []error
	if g.Config != "" {
		_, err := MustSucceed(g.plane.KubectlInput(ctx, g.Config, "delete", "--ignore-not-found", "-f", "-"))
		if err == nil {
			err = g.plane.waitForGate(ctx, false)
		}
		problems = append(problems, err)
	}
	if !g.Server.Exited() {
		problems = append(problems, g.Server.Stop())
	}
	return errors.Join(problems...)
}

// waitForGate waits until kube-apiserver calls the webhooks, or does so no longer. It holds the configurations in a
// cache that follows them with a delay. There are two, so there are two probes: half a GPU is refused by the mutating
// one, devices got through the environment by the validating one. Both are dry runs.
func (c *ControlPlane) waitForGate(ctx context.Context, up bool) error {
	ctx, cancel := context.WithTimeout(ctx, effectPatience)
	defer cancel()
	half := probePod(map[string]any{"resources": map[string]any{"limits": map[string]any{"nvidia.com/gpu": "0.5"}}})
	bypass := probePod(map[string]any{"env": []any{map[string]any{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}}})
	what := map[bool]string{true: "the webhooks to be in effect", false: "the webhooks to be gone"}[up]
	return Poll(ctx, what, func() error {
		for name, pod := range map[string]any{"mutating": half, "validating": bypass} {
			answer, err := c.API.DryRunPod(ctx, "default", pod)
			if err != nil {
				return err
			}
			message := answer.Message()
			denied := answer.Status >= http.StatusBadRequest && strings.Contains(message, "admission webhook")
			failed := strings.Contains(message, "failed calling webhook")
			if up && !denied || !up && (denied || failed) {
				return fmt.Errorf("the probe of the %s webhook is answered %d: %.500s", name, answer.Status, message)
			}
		}
		return nil
	})
}

func probePod(container map[string]any) any {
	container["name"] = "probe"
	container["image"] = "registry.example/probe:1"
	return map[string]any{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"name": "slicegate-probe"},
		"spec":     map[string]any{"containers": []any{container}},
	}
}
