// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Toleration is a toleration of a pod.
type Toleration struct {
	Key      string `json:"key,omitempty"`
	Operator string `json:"operator,omitempty"`
	Value    string `json:"value,omitempty"`
	Effect   string `json:"effect,omitempty"`
}

// PodShape is what tests say of a pod. Namespace and Name are needed, all else is not.
type PodShape struct {
	Namespace, Name string
	Labels          map[string]string
	Annotations     map[string]string
	Requests        map[string]string // of its one container, and its limits
	NodeSelector    map[string]string
	Tolerations     []Toleration
	Priority        int32 // by a PriorityClass that is made for it
	SchedulerName   string
	Gates           []string       // scheduling gates
	RunsFor         time.Duration  // on a simulated node; 0 is without end
	Spec            map[string]any // any other fields of spec
}

// Object is the pod as kube-scheduler would show it to an extender.
func (p PodShape) Object(uid string) map[string]any {
	pod := p.object()
	pod["metadata"].(map[string]any)["uid"] = uid
	return pod
}

func (p PodShape) object() map[string]any {
	spec := map[string]any{
		"containers": []any{map[string]any{
			"name": "main", "image": "registry.example/e2e/main:1",
			"resources": map[string]any{"requests": p.Requests, "limits": p.Requests},
		}},
	}
	if p.NodeSelector != nil {
		spec["nodeSelector"] = p.NodeSelector
	}
	if p.Tolerations != nil {
		spec["tolerations"] = p.Tolerations
	}
	if p.Priority != 0 {
		spec["priorityClassName"] = priorityClass(p.Priority)
	}
	if p.SchedulerName != "" {
		spec["schedulerName"] = p.SchedulerName
	}
	var gates []any
	for _, gate := range p.Gates {
		gates = append(gates, map[string]any{"name": gate})
	}
	if gates != nil {
		spec["schedulingGates"] = gates
	}
	maps.Copy(spec, p.Spec)
	annotations := maps.Clone(p.Annotations)
	if p.RunsFor != 0 {
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[RunsFor] = p.RunsFor.String()
	}
	return map[string]any{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"namespace": p.Namespace, "name": p.Name, "labels": p.Labels, "annotations": annotations},
		"spec":     spec,
	}
}

// Times makes so many pods of one shape, named Name-0, Name-1 and so on.
func (p PodShape) Times(count int) []PodShape {
	pods := make([]PodShape, count)
	for i := range pods {
		pods[i] = p
		pods[i].Name = fmt.Sprintf("%s-%d", p.Name, i)
	}
	return pods
}

// CreatePods creates pods, many at once. Their order is that of the list only roughly.
func (c *ControlPlane) CreatePods(ctx context.Context, pods ...PodShape) error {
	return Parallel(ctx, len(pods), func(ctx context.Context, i int) error {
		if pods[i].Priority != 0 {
			if err := c.makePriorityClass(ctx, pods[i].Priority); err != nil {
				return err
			}
		}
		return c.API.Call(ctx, http.MethodPost, "/api/v1/namespaces/"+pods[i].Namespace+"/pods", pods[i].object(), nil)
	})
}

// priorityClass is the name of the class of a priority.
func priorityClass(value int32) string {
	if value < 0 {
		return fmt.Sprintf("e2e-minus-%d", -int64(value))
	}
	return fmt.Sprintf("e2e-%d", value)
}

// makePriorityClass makes the class of a priority, once, and waits until kube-apiserver, which has its classes from a
// cache, accepts pods of it.
func (c *ControlPlane) makePriorityClass(ctx context.Context, value int32) error {
	create, _ := c.priorities.LoadOrStore(value, sync.OnceValue(func() error {
		err := c.API.Call(ctx, http.MethodPost, "/apis/scheduling.k8s.io/v1/priorityclasses", map[string]any{
			"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
			"metadata": map[string]any{"name": priorityClass(value)}, "value": value,
		}, nil)
		if err != nil && !IsStatus(err, http.StatusConflict) {
			return err
		}
		probe := PodShape{Namespace: "default", Name: "priority-probe", Priority: value}.object()
		return Poll(ctx, "kube-apiserver to know a priority class", func() error {
			answer, err := c.API.DryRunPod(ctx, "default", probe)
			if err == nil && answer.Status != http.StatusCreated {
				err = errors.New(answer.Message())
			}
			return err
		})
	}))
	return create.(func() error)()
}

// Pod is what tests look at in a pod.
type Pod struct {
	Metadata struct {
		Namespace, Name, UID string
		ResourceVersion      string
		Labels, Annotations  map[string]string
		CreationTimestamp    time.Time
		DeletionTimestamp    *time.Time
	}
	Spec struct {
		NodeName      string
		SchedulerName string
		Priority      int32
		Containers    []struct {
			Resources struct{ Requests map[string]string }
		}
	}
	Status struct {
		Phase             string
		NominatedNodeName string
		Conditions        []struct{ Type, Status, Reason, Message string }
	}
}

// WhyWaiting is what kube-scheduler last wrote into the pod about why it waits.
func (p *Pod) WhyWaiting() string {
	for _, condition := range p.Status.Conditions {
		if condition.Type == "PodScheduled" && condition.Status == "False" {
			return condition.Reason + ": " + condition.Message
		}
	}
	return ""
}

// Pods lists the pods of a namespace, or of all with "", by a label selector, or all with "".
func (c *ControlPlane) Pods(ctx context.Context, namespace, selector string) ([]Pod, error) {
	var pods struct{ Items []Pod }
	err := c.API.Call(ctx, http.MethodGet, podsPath(namespace)+"?labelSelector="+url.QueryEscape(selector), nil, &pods)
	return pods.Items, err
}

func podsPath(namespace string) string {
	if namespace == "" {
		return "/api/v1/pods"
	}
	return "/api/v1/namespaces/" + namespace + "/pods"
}

// Pod gets one pod.
func (c *ControlPlane) Pod(ctx context.Context, namespace, name string) (Pod, error) {
	var pod Pod
	err := c.API.Call(ctx, http.MethodGet, podsPath(namespace)+"/"+name, nil, &pod)
	return pod, err
}

// DeletePod removes a pod from the API at once, without asking its node.
func (c *ControlPlane) DeletePod(ctx context.Context, namespace, name string) error {
	return c.API.Call(ctx, http.MethodDelete, podsPath(namespace)+"/"+name+"?gracePeriodSeconds=0", nil, nil)
}

// DeletePods removes all pods of a namespace in the same way.
func (c *ControlPlane) DeletePods(ctx context.Context, namespace string) error {
	return c.API.Call(ctx, http.MethodDelete, podsPath(namespace)+"?gracePeriodSeconds=0", nil, nil)
}

// DeletePodsOf removes in the same way those that a label selector selects.
func (c *ControlPlane) DeletePodsOf(ctx context.Context, namespace, selector string) error {
	return c.API.Call(ctx, http.MethodDelete, podsPath(namespace)+"?gracePeriodSeconds=0&labelSelector="+url.QueryEscape(selector), nil, nil)
}

// DeletePodGracefully asks for the end of a pod; its node has to end it.
func (c *ControlPlane) DeletePodGracefully(ctx context.Context, namespace, name string) error {
	return c.API.Call(ctx, http.MethodDelete, podsPath(namespace)+"/"+name, nil, nil)
}

// Event is an event about a pod.
type Event struct {
	Type, Reason, Message string
	Count                 int // 0 where the reporter does not count so
	ReportingComponent    string
}

// Events are the events about a pod, whoever reported them.
func (c *ControlPlane) Events(ctx context.Context, namespace, pod string) ([]Event, error) {
	var events struct{ Items []Event }
	selector := url.QueryEscape("involvedObject.kind=Pod,involvedObject.name=" + pod)
	err := c.API.Call(ctx, http.MethodGet, "/api/v1/namespaces/"+namespace+"/events?fieldSelector="+selector, nil, &events)
	return events.Items, err
}

// Use sums up what the pods of each node that have not ended request of a resource: what a device plugin would have to
// hand out there.
func Use(pods []Pod, resource string) (map[string]int, error) {
	use := map[string]int{}
	for _, pod := range pods {
		if pod.Spec.NodeName == "" || pod.Status.Phase == "Succeeded" || pod.Status.Phase == "Failed" {
			continue
		}
		for _, container := range pod.Spec.Containers {
			text, ok := container.Resources.Requests[resource]
			if !ok {
				continue
			}
			count, err := strconv.Atoi(text)
			if err != nil {
				return nil, fmt.Errorf("pod %s/%s requests %q of %s: %w", pod.Metadata.Namespace, pod.Metadata.Name, text, resource, err)
			}
			use[pod.Spec.NodeName] += count
		}
	}
	return use, nil
}

// Amount is a whole number as kube-apiserver writes it: 2000 is "2k".
func Amount(text string) int {
	factor := 1
	if short, is := strings.CutSuffix(text, "k"); is {
		text, factor = short, 1000
	}
	number, _ := strconv.Atoi(text)
	return number * factor
}

// DeletePodOf is DeletePod for the pod of this UID only; one of the same name that was made since is not touched: 409.
func (c *ControlPlane) DeletePodOf(ctx context.Context, namespace, name, uid string) error {
	// With a body, what the query says is ignored.
	return c.API.Call(ctx, http.MethodDelete, podsPath(namespace)+"/"+name, map[string]any{
		"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0, "preconditions": map[string]string{"uid": uid},
	}, nil)
}

// SetPodPhase does what a kubelet does when a pod has ended, or runs. uid is the pod's; a later one of its name is not
// touched: 409. With "" it is whatever pod has the name.
func (c *ControlPlane) SetPodPhase(ctx context.Context, namespace, name, uid, phase string) error {
	patch := map[string]any{"status": map[string]any{"phase": phase}}
	if uid != "" {
		patch["metadata"] = map[string]string{"uid": uid}
	}
	return c.API.Call(ctx, http.MethodPatch, podsPath(namespace)+"/"+name+"/status", patch, nil)
}

// AnnotatePod sets an annotation.
func (c *ControlPlane) AnnotatePod(ctx context.Context, namespace, name, key, value string) error {
	return c.API.Call(ctx, http.MethodPatch, podsPath(namespace)+"/"+name,
		map[string]any{"metadata": map[string]any{"annotations": map[string]string{key: value}}}, nil)
}
