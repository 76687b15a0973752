// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Addresses in the enclosure: nobody outside can see or reach them.
const (
	nodeAddress  = "10.250.0.2"
	podRange     = "10.244.0.0/24"
	serviceRange = "10.96.0.0/24"
	nodeName     = "gpu-node"
	kubeletToken = "kubelet-token"
	proxyToken   = "proxy-token"
)

// PauseImage holds a program that waits: the sandbox of every pod, and what tests run in pods.
const PauseImage = "slicegate.test/pause:1"

// Programs are the folders that tools/build.sh prints, and the binary of slicegate.
type Programs struct{ ControlPlane, Containerd, DevicePlugin, Helm, Slicegate string }

// Node is a whole cluster: a control plane, and one node with a real kubelet, container runtime and proxy.
type Node struct {
	*ControlPlane
	Scheduler *Scheduler

	programs  Programs
	enclosure *Enclosure
}

// StartNode starts the cluster inside the enclosure and loads the images of the archives. It returns when the node is
// ready for pods.
func StartNode(ctx context.Context, e *Enclosure, programs Programs, images []string) (*Node, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	n := &Node{programs: programs, enclosure: e, ControlPlane: &ControlPlane{bin: programs.ControlPlane, dir: e.Dir}}
	if err := e.Furnish(); err != nil {
		return nil, err
	}
	err := n.startControlPlane(ctx)
	if err == nil {
		err = n.startRuntime(ctx, images)
	}
	if err == nil {
		err = n.startKubelet(ctx)
	}
	if err != nil {
		err = errors.Join(err, errors.New(n.Tails(15)))
		n.Stop()
		return nil, err
	}
	return n, nil
}

func (n *Node) startControlPlane(ctx context.Context) error {
	for _, sub := range []string{"etcd", "certs", "home"} {
		if err := os.MkdirAll(n.path(sub), 0o700); err != nil {
			return err
		}
	}
	n.home, n.Kubeconfig, n.AuditLog = n.path("home"), n.path("admin.kubeconfig"), n.path("audit.log")
	if err := n.writeSigningKey(n.path("service-account.key")); err != nil {
		return err
	}
	tokens := userTokens + proxyToken + `,system:kube-proxy,proxy` + "\n" +
		kubeletToken + `,system:node:` + nodeName + `,kubelet,"system:nodes"` + "\n"
	if err := os.WriteFile(n.path("tokens.csv"), []byte(tokens), 0o600); err != nil {
		return err
	}
	// The network is ours alone, so the usual ports are free.
	const etcdURL = "http://127.0.0.1:2379"
	n.url = "https://" + nodeAddress + ":6443"
	etcd, err := n.run("etcd", "--name=e2e", "--data-dir="+n.path("etcd"), "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls="+etcdURL, "--advertise-client-urls="+etcdURL)
	if err != nil {
		return err
	}
	if err := waitForHTTP(ctx, etcd, http.DefaultClient, etcdURL+"/health", ""); err != nil {
		return err
	}
	if _, err := n.write("audit-policy.yaml", accountsAuditPolicy); err != nil {
		return err
	}
	apiserver, err := n.run("kube-apiserver",
		"--audit-policy-file="+n.path("audit-policy.yaml"), "--audit-log-path="+n.AuditLog,
		"--etcd-servers="+etcdURL,
		"--advertise-address="+nodeAddress, "--secure-port=6443", "--cert-dir="+n.path("certs"),
		"--service-cluster-ip-range="+serviceRange,
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+n.path("service-account.key"),
		"--service-account-signing-key-file="+n.path("service-account.key"),
		"--token-auth-file="+n.path("tokens.csv"), "--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction", "--kubelet-preferred-address-types=InternalIP")
	if err != nil {
		return err
	}
	ca, err := n.waitForCA(ctx, apiserver)
	if err != nil {
		return err
	}
	if n.API, err = newAPI(n.url, adminToken, ca); err != nil {
		return err
	}
	for user, token := range map[string]string{
		"admin": adminToken, "controller-manager": controllerToken, "proxy": proxyToken, "kubelet": kubeletToken,
	} {
		if err := n.writeKubeconfig(n.path(user+".kubeconfig"), user, token); err != nil {
			return err
		}
	}
	if err := waitForHTTP(ctx, apiserver, n.API.client, n.url+"/readyz", adminToken); err != nil {
		return err
	}
	if _, err := n.run("kube-controller-manager",
		"--kubeconfig="+n.path("controller-manager.kubeconfig"), "--use-service-account-credentials=true",
		"--service-account-private-key-file="+n.path("service-account.key"), "--root-ca-file="+n.path("certs/apiserver.crt"),
		"--kube-api-qps=500", "--kube-api-burst=500", "--leader-elect=false", "--secure-port=0"); err != nil {
		return err
	}
	n.Scheduler, err = StartScheduler(ctx, n.ControlPlane, SchedulerOptions{})
	return err
}

func (n *Node) startRuntime(ctx context.Context, images []string) error {
	if _, err := n.write("cni/10-pods.conflist", networkConfiguration, podRange); err != nil {
		return err
	}
	config, err := n.write("containerd.toml", runtimeConfiguration, n.path("containerd"), PauseImage, n.path("cni"))
	if err != nil {
		return err
	}
	containerd, err := n.runAs("containerd", filepath.Join(n.programs.Containerd, "containerd"), "--config="+config)
	if err != nil {
		return err
	}
	err = Poll(ctx, "containerd to answer", func() error {
		if containerd.Exited() {
			return Permanent(fmt.Errorf("containerd %w; its log:\n%s", errEnded, containerd.Tail(30)))
		}
		_, err := MustSucceed(run(exec.CommandContext(ctx, filepath.Join(n.programs.Containerd, "ctr"), "version"), nil))
		return err
	})
	if err != nil {
		return err
	}
	for _, archive := range images {
		load := exec.CommandContext(ctx, filepath.Join(n.programs.Containerd, "ctr"),
			"--namespace=k8s.io", "images", "import", "--local", "--snapshotter=native", archive)
		if _, err := MustSucceed(run(load, nil)); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) startKubelet(ctx context.Context) error {
	proxy, err := n.write("proxy.yaml", proxyConfiguration, n.path("proxy.kubeconfig"), podRange)
	if err != nil {
		return err
	}
	if _, err := n.run("kube-proxy", "--config="+proxy, "--hostname-override="+nodeName); err != nil {
		return err
	}
	config, err := n.write("kubelet.yaml", kubeletConfiguration, n.enclosure.Cgroup, n.path("pods"))
	if err != nil {
		return err
	}
	kubelet, err := n.run("kubelet", "--config="+config, "--kubeconfig="+n.path("kubelet.kubeconfig"),
		"--hostname-override="+nodeName, "--node-ip="+nodeAddress)
	if err != nil {
		return err
	}
	return Poll(ctx, "the node to be ready", func() error {
		if kubelet.Exited() {
			return Permanent(fmt.Errorf("kubelet %w; its log:\n%s", errEnded, kubelet.Tail(30)))
		}
		out, err := MustSucceed(n.Kubectl(ctx, "get", "node", nodeName, "-o",
			`jsonpath={.status.conditions[?(@.type=="Ready")].status} {.spec.taints}`))
		if err != nil {
			return err
		}
		if strings.TrimSpace(out.Stdout) != "True" {
			return fmt.Errorf("ready, taints: %s", out.Stdout)
		}
		return nil
	})
}

// OfferDevices runs the device plugin on the node and waits until the node's status counts all devices.
func (n *Node) OfferDevices(ctx context.Context, devices map[string][]string) error {
	var args []string
	for resource, ids := range devices {
		args = append(args, resource+"="+strings.Join(ids, ","))
	}
	plugin, err := n.runAs("device-plugin", filepath.Join(n.programs.DevicePlugin, "device-plugin"), args...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	return Poll(ctx, "the kubelet to know the devices", func() error {
		if plugin.Exited() {
			return Permanent(fmt.Errorf("the device plugin %w; its log:\n%s", errEnded, plugin.Tail(30)))
		}
		for resource, ids := range devices {
			out, err := MustSucceed(n.Kubectl(ctx, "get", "node", nodeName, "-o",
				`jsonpath={.status.allocatable.`+strings.ReplaceAll(resource, ".", `\.`)+`}`))
			if err != nil {
				return err
			}
			if out.Stdout != fmt.Sprint(len(ids)) {
				return fmt.Errorf("%s: %q of %d", resource, out.Stdout, len(ids))
			}
		}
		return nil
	})
}

// Name is the name of the node.
func (n *Node) Name() string { return nodeName }

// Helm runs helm. That helm fails is no error: see Output.Code.
func (n *Node) Helm(ctx context.Context, args ...string) (Output, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(n.programs.Helm, "helm"), args...)
	cmd.Env = []string{"KUBECONFIG=" + n.Kubeconfig, "HOME=" + n.home, "PATH=" + os.Getenv("PATH")}
	return run(cmd, nil)
}

// write puts a configuration, filled in, into the run's folder.
func (n *Node) write(name, format string, values ...any) (string, error) {
	path := n.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, fmt.Appendf(nil, format, values...), 0o644)
}

// DeletePods ends all pods while there is still a kubelet that ends them as it should.
func (n *Node) DeletePods(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	_, err := MustSucceed(n.Kubectl(ctx, "delete", "pods", "--all", "--all-namespaces", "--grace-period=1", "--wait"))
	return err
}

// Slicegate runs a command of the binary that is in the image, outside of the cluster.
func (n *Node) Slicegate(ctx context.Context, args ...string) (Output, error) {
	return run(exec.CommandContext(ctx, n.programs.Slicegate, args...), nil)
}
