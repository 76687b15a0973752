// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"time"
)

// Taint is a taint of a node.
type Taint struct {
	Key    string `json:"key"`
	Value  string `json:"value,omitempty"`
	Effect string `json:"effect"`
}

// GPUTaint is the taint that GPU nodes usually carry.
var GPUTaint = Taint{Key: "nvidia.com/gpu", Value: "present", Effect: "NoSchedule"}

// NodeShape is a number of simulated nodes that differ in their names only. The functions of GPU make usual ones.
type NodeShape struct {
	Count       int
	Prefix      string // the names are Prefix-0, Prefix-1 and so on
	Labels      map[string]string
	Annotations map[string]string
	Allocatable map[string]string // besides, or instead of, 128 CPUs, 1 TiB and 110 pods; also the capacity
	Taints      []Taint
	Unready     bool // until kwok makes them Ready; else they are from the start
}

// Names are the names of the nodes.
func (s NodeShape) Names() []string {
	names := make([]string, s.Count)
	for i := range names {
		names[i] = fmt.Sprintf("%s-%d", s.Prefix, i)
	}
	return names
}

func (s NodeShape) object(name string) map[string]any {
	labels := map[string]string{
		SimulatedLabel: SimulatedValue, "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
	}
	maps.Copy(labels, s.Labels)
	resources := map[string]string{"cpu": "128", "memory": "1Ti", "pods": "110"}
	maps.Copy(resources, s.Allocatable)
	status := map[string]any{"capacity": resources, "allocatable": resources}
	if !s.Unready {
		now := time.Now().UTC().Format(time.RFC3339)
		status["conditions"] = []any{map[string]any{
			"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": now, "lastTransitionTime": now,
		}}
	}
	return map[string]any{
		"apiVersion": "v1", "kind": "Node",
		"metadata": map[string]any{"name": name, "labels": labels, "annotations": s.Annotations},
		"spec":     map[string]any{"taints": s.Taints},
		"status":   status,
	}
}

// CreateNodes makes all nodes of the shapes and returns their names.
func (c *ControlPlane) CreateNodes(ctx context.Context, shapes ...NodeShape) ([]string, error) {
	var names []string
	var owners []NodeShape
	for _, shape := range shapes {
		for _, name := range shape.Names() {
			names, owners = append(names, name), append(owners, shape)
		}
	}
	return names, Parallel(ctx, len(names), func(ctx context.Context, i int) error {
		return c.API.Call(ctx, http.MethodPost, "/api/v1/nodes", owners[i].object(names[i]), nil)
	})
}

// DeleteNode removes a node; one that is not there is no error.
func (c *ControlPlane) DeleteNode(ctx context.Context, name string) error {
	err := c.API.Call(ctx, http.MethodDelete, "/api/v1/nodes/"+name, nil, nil)
	if IsStatus(err, http.StatusNotFound) {
		return nil
	}
	return err
}

// NodeReady tells whether a node is Ready.
func (c *ControlPlane) NodeReady(ctx context.Context, name string) (bool, error) {
	var node struct {
		Status struct {
			Conditions []struct{ Type, Status string }
		}
	}
	if err := c.API.Call(ctx, http.MethodGet, "/api/v1/nodes/"+name, nil, &node); err != nil {
		return false, err
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == "Ready" {
			return condition.Status == "True", nil
		}
	}
	return false, nil
}

// PatchNode changes a node by a merge patch. Labels, taints and cordons are changed so.
func (c *ControlPlane) PatchNode(ctx context.Context, name string, patch any) error {
	return c.API.Call(ctx, http.MethodPatch, "/api/v1/nodes/"+name, patch, nil)
}

// SetAllocatable does what a device plugin and its kubelet do to a node's status: each named resource gets the value,
// in capacity too; "" removes it.
func (c *ControlPlane) SetAllocatable(ctx context.Context, node string, resources map[string]string) error {
	changes := map[string]any{}
	for name, value := range resources {
		changes[name] = value
		if value == "" {
			changes[name] = nil
		}
	}
	patch := map[string]any{"status": map[string]any{"capacity": changes, "allocatable": changes}}
	return c.API.Call(ctx, http.MethodPatch, "/api/v1/nodes/"+node+"/status", patch, nil)
}

// Clear removes all simulated nodes and all pods in the namespaces, at once and whatever they do.
func (c *ControlPlane) Clear(ctx context.Context, namespaces ...string) error {
	for _, namespace := range namespaces {
		if err := c.DeletePods(ctx, namespace); err != nil {
			return err
		}
	}
	selector := url.QueryEscape(SimulatedLabel + "=" + SimulatedValue)
	return c.API.Call(ctx, http.MethodDelete, "/api/v1/nodes?labelSelector="+selector, nil, nil)
}

// CreateNamespace makes a namespace; one that is there already is no error.
func (c *ControlPlane) CreateNamespace(ctx context.Context, name string) error {
	err := c.API.Call(ctx, http.MethodPost, "/api/v1/namespaces", map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name},
	}, nil)
	if IsStatus(err, http.StatusConflict) {
		return nil
	}
	return err
}
