// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

const (
	namespace = "faults"
	patience  = 60 * time.Second // for what should be there in a moment

	nodeCount, cardsEach = 24, 4
	room                 = nodeCount * cardsEach * whole
)

// world is a cluster with everything that can fail in it.
type world struct {
	plane     *harness.ControlPlane
	scheduler *harness.Scheduler
	service   *harness.Proxy // between kube-scheduler and the extender that holds the Lease, or the only one
	replicas  []*replica

	mutex   sync.Mutex
	checker *Checker
	pods    map[string]*alive // by UID
	bound   int               // thousandths that pods hold
	ended   <-chan error      // why the checker sees nothing more
}

// alive is a pod that is there and not over.
type alive struct {
	name, uid string
	amount    int
	isBound   bool
	isTaken   bool // somebody is about to end it
}

// replica is a slicegate with what is between it and kube-apiserver.
type replica struct {
	*harness.Server
	mutex    sync.Mutex // while it is started or asked
	extender string
	line     *harness.Proxy    // as TCP
	requests *harness.Holdback // behind that, request by request
}

func makeWorld(ctx context.Context, suite *harness.Suite, options Options) (*world, error) {
	w := &world{plane: suite.Plane, pods: map[string]*alive{}}
	if err := w.plane.CreateNamespace(ctx, namespace); err != nil {
		return nil, err
	}
	// Not kwok's nodes: it ends pods by their names, also one that was just made under the name of another. The load does
	// what kubelets do.
	shape := harness.NodeShape{
		Count: nodeCount, Prefix: "card", Labels: map[string]string{"nvidia.com/gpu.product": harness.T4.Product, harness.SimulatedLabel: "none"},
		Allocatable: map[string]string{Resource: fmt.Sprint(cardsEach * whole)},
	}
	names, err := w.plane.CreateNodes(ctx, shape)
	if err != nil {
		return nil, err
	}
	nodes := map[string]int{}
	for _, name := range names {
		nodes[name] = cardsEach
	}
	w.checker = NewChecker(nodes)
	if w.ended, err = w.plane.PodEvents(ctx, namespace, w.see); err != nil {
		return nil, err
	}
	return w, w.start(ctx, suite.Slicegate, options)
}

// start starts slicegate and kube-scheduler.
func (w *world) start(ctx context.Context, slicegate *harness.Slicegate, options Options) error {
	certs, err := slicegate.IssueCertificates(ctx, "certs-faults")
	if err == nil {
		err = slicegate.IssueClientCertificate(ctx, certs, "kube-scheduler")
	}
	if err != nil {
		return err
	}
	for i := range options.Replicas {
		r, err := w.startReplica(ctx, slicegate, certs, i, options)
		if err != nil {
			return err
		}
		w.replicas = append(w.replicas, r)
	}
	if w.service, err = harness.StartProxy(w.replicas[0].extender); err != nil {
		return err
	}
	config, err := slicegate.SchedulerConfig(ctx, w.service.Address, certs, "--bind", "--ignored-by-scheduler", Resource)
	if err != nil {
		return err
	}
	w.scheduler, err = harness.StartScheduler(ctx, w.plane, harness.SchedulerOptions{Config: config})
	return err
}

func (w *world) startReplica(ctx context.Context, slicegate *harness.Slicegate, certs harness.Certificates, number int, options Options) (*replica, error) {
	kubeconfig, err := w.plane.ServiceAccount(ctx, "slicegate-system", "slicegate", options.RBAC)
	if err != nil {
		return nil, err
	}
	r := &replica{}
	if r.requests, err = w.plane.Holdback(); err != nil {
		return nil, err
	}
	if r.line, err = harness.StartProxy(r.requests.Address); err != nil {
		return nil, err
	}
	kubeconfig = r.line.ThroughPlain(r.requests.Through(kubeconfig))
	path, err := slicegate.WriteSecret(fmt.Sprintf("faults-%d.kubeconfig", number), []byte(kubeconfig))
	if err != nil {
		return nil, err
	}
	addresses, err := harness.FreeAddresses(2)
	if err != nil {
		return nil, err
	}
	r.extender = addresses[0]
	args := []string{
		"--live", "--kubeconfig", path, "--extender-listen", r.extender, "--extender-client-ca", certs.CA(),
	}
	if options.Replicas > 1 {
		args = append(args, "--lease-name", "slicegate-faults", "--lease-namespace", "slicegate-system")
	}
	if r.Server, err = slicegate.ServeWith(ctx, harness.ServeOptions{Address: addresses[1], Certs: certs, Args: args}); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return r, r.WaitReady(ctx)
}

// stop ends everything that start started, and is not content with a sanitizer's report.
func (w *world) stop() error {
	var problems []error
	if w.scheduler != nil {
		problems = append(problems, w.scheduler.Stop())
	}
	if w.service != nil {
		w.service.Stop()
	}
	for _, r := range w.replicas {
		if !r.Exited() {
			problems = append(problems, r.Stop())
		}
		r.line.Stop()
		r.requests.Stop()
	}
	return errors.Join(problems...)
}

// see is the checker's connection to kube-apiserver; nothing fails on it.
func (w *world) see(event string, pod *harness.Pod) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.checker.See(event, pod)
	p := w.pods[pod.Metadata.UID]
	isOver := event == "DELETED" || pod.Status.Phase == "Succeeded" || pod.Status.Phase == "Failed"
	switch {
	case isOver && p != nil:
		if p.isBound {
			w.bound -= p.amount
		}
		delete(w.pods, p.uid)
	case isOver:
	case p == nil:
		p = &alive{name: pod.Metadata.Name, uid: pod.Metadata.UID, amount: amountOf(pod)}
		w.pods[p.uid] = p
		fallthrough
	default:
		if pod.Spec.NodeName != "" && !p.isBound {
			p.isBound = true
			w.bound += p.amount
		}
	}
}

// isWaiting tells whether a pod is there and not bound.
func (w *world) isWaiting(uid string) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	p := w.pods[uid]
	return p != nil && !p.isBound
}

// taken tells whether cards no longer have room for so much each.
func (w *world) taken(node string, cards []int, each int) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, index := range cards {
		if w.checker.Free(node, index) < each {
			return true
		}
	}
	return false
}

// holder is the replica that answers kube-scheduler; nil if none says so.
func (w *world) holder(ctx context.Context) *replica {
	if len(w.replicas) == 1 {
		return w.replicas[0]
	}
	for _, r := range w.replicas {
		r.mutex.Lock()
		holds, err := 0.0, error(nil)
		if !r.Exited() {
			holds, err = r.Metric(ctx, "slicegate_lease_holder", "")
		}
		r.mutex.Unlock()
		if err == nil && holds == 1 {
			return r
		}
	}
	return nil
}

// lead does what a Service does that selects the holder.
func (w *world) lead(ctx context.Context) {
	for ctx.Err() == nil {
		if r := w.holder(ctx); r != nil {
			w.service.Lead(r.extender)
		}
		pause(ctx, 100*time.Millisecond)
	}
}

// restart starts a replica anew, as it was.
func (r *replica) restart(ctx context.Context) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.Restart(ctx)
}

// kill ends a replica at once.
func (r *replica) kill() error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.Kill()
}

// pause is false if ctx ended meanwhile.
func pause(ctx context.Context, long time.Duration) bool {
	select {
	case <-time.After(long):
		return true
	case <-ctx.Done():
		return false
	}
}

// bind sends a Binding as slicegate would; it is used to plant bugs.
func bind(ctx context.Context, plane *harness.ControlPlane, space, name, node, cards string) error {
	metadata := map[string]any{"name": name}
	if cards != "" {
		metadata["annotations"] = map[string]string{devices: cards}
	}
	return plane.API.Call(ctx, http.MethodPost, "/api/v1/namespaces/"+space+"/pods/"+name+"/binding", map[string]any{
		"apiVersion": "v1", "kind": "Binding", "metadata": metadata, "target": map[string]string{"kind": "Node", "name": node},
	}, nil)
}
