// SPDX-License-Identifier: Apache-2.0

// Package harness runs a real Kubernetes control plane, slicegate and kubectl as processes on this machine, for tests
// and for the demonstration.
package harness

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const startPatience = 60 * time.Second

// Tokens of the users whom kube-apiserver knows. They are worth nothing outside the run: the server listens on
// loopback and is gone at its end.
const (
	adminToken      = "admin-token"
	controllerToken = "controller-manager-token"
	schedulerToken  = "scheduler-token"
	kwokToken       = "kwok-token"
)

// userTokens is the file of kube-apiserver's --token-auth-file. Only the admin may do everything: kube-scheduler has
// the rights that Kubernetes gives it by its name, and kwok, which stands for kubelets and is served with their
// priority by the group, those that StartKwok grants.
const userTokens = adminToken + `,admin,admin,"system:masters"
` + controllerToken + `,system:kube-controller-manager,controller-manager
` + schedulerToken + `,system:kube-scheduler,scheduler
` + kwokToken + `,kwok,kwok,"system:nodes"
`

const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  verbs: [create]
  resources: [{group: "", resources: [pods]}]
- level: None
`

// ControlPlane is a running etcd, kube-apiserver and kube-controller-manager.
type ControlPlane struct {
	API        *API
	Kubeconfig string
	AuditLog   string // path; the creation of pods, with what webhooks noted about it; of a Node see Requests

	dir     string // of this control plane; nobody else can read it
	bin     string
	home    string // of kubectl
	url     string // of kube-apiserver
	options PlaneOptions

	mutex     sync.Mutex
	processes []*Process // in the order of their start; also what was started later, such as kube-scheduler

	priorities sync.Map // int32 to a function that makes its PriorityClass once
}

// PlaneOptions changes how a control plane is started. The zero value is what admission tests need.
type PlaneOptions struct {
	// Further flags, which win over the harness's own where a flag takes one value.
	APIServer, ControllerManager []string
	// NodeLifecycle leaves on what watches over nodes, as in a real cluster: a new one is tainted until it is Ready,
	// and one without a heartbeat loses its pods. Nodes then need StartKwok.
	NodeLifecycle bool
}

// StartControlPlane starts the binaries of the folder bin with their state and logs in dir. It returns when the
// server answers and its controllers work.
func StartControlPlane(ctx context.Context, bin, dir string, options PlaneOptions) (*ControlPlane, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()

	// A free port can be taken by somebody else between the choice and its use. That shows as a process that ends
	// at once; other ports then do.
	const attempts = 3
	var problems []error
	for attempt := range attempts {
		c := &ControlPlane{bin: bin, options: options, dir: filepath.Join(dir, fmt.Sprintf("control-plane-%d", attempt+1))}
		err := c.start(ctx)
		if err == nil {
			return c, nil
		}
		problems = append(problems, err)
		c.Stop()
		if ctx.Err() != nil || !errors.Is(err, errEnded) {
			break
		}
	}
	return nil, errors.Join(problems...)
}

// errEnded: a part of the control plane ended while it should start.
var errEnded = errors.New("ended unexpectedly")

func (c *ControlPlane) start(ctx context.Context) error {
	for _, sub := range []string{"", "etcd", "certs", "home"} {
		if err := os.MkdirAll(filepath.Join(c.dir, sub), 0o700); err != nil {
			return err
		}
	}
	c.home = c.path("home")
	c.Kubeconfig = c.path("admin.kubeconfig")
	c.AuditLog = c.path("audit.log")
	ports, err := FreeAddresses(3)
	if err != nil {
		return err
	}
	etcdURL := "http://" + ports[0]
	c.url = "https://" + ports[2]

	if err := c.writeSigningKey(c.path("service-account.key")); err != nil {
		return err
	}
	if err := os.WriteFile(c.path("tokens.csv"), []byte(userTokens), 0o600); err != nil {
		return err
	}

	if err := os.WriteFile(c.path("audit-policy.yaml"), []byte(auditPolicy), 0o600); err != nil {
		return err
	}

	etcd, err := c.run("etcd",
		"--name=e2e", "--data-dir="+c.path("etcd"),
		"--listen-client-urls="+etcdURL, "--advertise-client-urls="+etcdURL,
		"--listen-peer-urls=http://"+ports[1],
		"--initial-advertise-peer-urls=http://"+ports[1], "--initial-cluster=e2e=http://"+ports[1],
		"--unsafe-no-fsync", "--log-level=warn")
	if err != nil {
		return err
	}
	if err := waitForHTTP(ctx, etcd, http.DefaultClient, etcdURL+"/health", ""); err != nil {
		return err
	}

	_, port, err := net.SplitHostPort(ports[2])
	if err != nil {
		return err
	}
	// Pods can be made in a namespace that is a moment old, and nodes need no kubelet to lose their taints.
	disabled := "ServiceAccount"
	if !c.options.NodeLifecycle {
		disabled += ",TaintNodesByCondition"
	}
	apiserver, err := c.run("kube-apiserver", append([]string{
		"--etcd-servers=" + etcdURL,
		"--bind-address=127.0.0.1", "--secure-port=" + port, "--cert-dir=" + c.path("certs"),
		"--service-cluster-ip-range=10.0.0.0/24",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + c.path("service-account.key"),
		"--service-account-signing-key-file=" + c.path("service-account.key"),
		"--token-auth-file=" + c.path("tokens.csv"), "--authorization-mode=RBAC",
		"--audit-policy-file=" + c.path("audit-policy.yaml"), "--audit-log-path=" + c.AuditLog,
		"--disable-admission-plugins=" + disabled,
	}, c.options.APIServer...)...)
	if err != nil {
		return err
	}
	ca, err := c.waitForCA(ctx, apiserver)
	if err != nil {
		return err
	}
	if c.API, err = newAPI(c.url, adminToken, ca); err != nil {
		return err
	}
	if err := waitForHTTP(ctx, apiserver, c.API.client, c.url+"/readyz", adminToken); err != nil {
		return err
	}
	if err := c.writeKubeconfig(c.Kubeconfig, "admin", adminToken); err != nil {
		return err
	}

	// Each controller acts under its own service account, as in a real cluster: policies tell controllers from
	// people by that.
	kubeconfig := c.path("controller-manager.kubeconfig")
	if err := c.writeKubeconfig(kubeconfig, "controller-manager", controllerToken); err != nil {
		return err
	}
	controllers := "*"
	if !c.options.NodeLifecycle {
		controllers += ",-node-lifecycle-controller"
	}
	manager, err := c.run("kube-controller-manager", append([]string{
		"--kubeconfig=" + kubeconfig, "--use-service-account-credentials=true",
		"--service-account-private-key-file=" + c.path("service-account.key"),
		"--controllers=" + controllers,
		"--kube-api-qps=500", "--kube-api-burst=500",
		"--leader-elect=false", "--secure-port=0",
	}, c.options.ControllerManager...)...)
	if err != nil {
		return err
	}
	// It has no port to ask. That it works shows in what it makes.
	return Poll(ctx, "kube-controller-manager to make the default service account", func() error {
		if manager.Exited() {
			return Permanent(fmt.Errorf("kube-controller-manager %w; its log:\n%s", errEnded, manager.Tail(30)))
		}
		answer, err := c.API.Do(ctx, http.MethodGet, "/api/v1/namespaces/default/serviceaccounts/default", nil)
		if err != nil {
			return err
		}
		if answer.Status != http.StatusOK {
			return fmt.Errorf("status %d", answer.Status)
		}
		return nil
	})
}

// RestartAPIServer kills kube-apiserver and starts it as it was. It remembers no events from before: watches that go on
// where they were are told that they are too old.
func (c *ControlPlane) RestartAPIServer(ctx context.Context) error {
	const name = "kube-apiserver"
	before := c.Process(name)
	if before == nil {
		return errors.New("kube-apiserver does not run")
	}
	if err := before.Kill(); err != nil {
		return err
	}
	p, err := c.runAs(fmt.Sprintf("%s-%d", name, c.count(name)+1), before.cmd.Path, before.cmd.Args[1:]...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	return waitForHTTP(ctx, p, c.API.client, c.url+"/readyz", adminToken)
}

// Stop ends what was started, in the opposite order.
func (c *ControlPlane) Stop() {
	for _, p := range slices.Backward(c.all()) {
		// Nothing of it is kept, so it need not be gentle with etcd's files; but a server that is asked to end
		// writes why it was unhappy.
		p.Terminate(5 * time.Second)
	}
}

func (c *ControlPlane) all() []*Process {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return slices.Clone(c.processes)
}

// Tails is the end of each log.
func (c *ControlPlane) Tails(lines int) string {
	var text string
	for _, p := range c.all() {
		text += fmt.Sprintf("--- %s (%s)\n%s\n", p.Name, p.Log, p.Tail(lines))
	}
	return text
}

// Command is a kubectl command for this control plane.
func (c *ControlPlane) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, "kubectl"), args...)
	cmd.Env = []string{"KUBECONFIG=" + c.Kubeconfig, "HOME=" + c.home, "PATH=" + os.Getenv("PATH")}
	return cmd
}

// Kubectl runs kubectl. That kubectl refuses is no error: see Output.Code.
func (c *ControlPlane) Kubectl(ctx context.Context, args ...string) (Output, error) {
	return run(c.Command(ctx, args...), nil)
}

// Record prints the cluster as slicegate reads it with --cluster.
func (c *ControlPlane) Record(ctx context.Context) (string, error) {
	out, err := MustSucceed(c.Kubectl(ctx, "get", "nodes,namespaces", "-o", "json"))
	return out.Stdout, err
}

// KubectlInput runs kubectl with something to read.
func (c *ControlPlane) KubectlInput(ctx context.Context, stdin string, args ...string) (Output, error) {
	return run(c.Command(ctx, args...), []byte(stdin))
}

func (c *ControlPlane) path(name string) string { return filepath.Join(c.dir, name) }

// Process is what runs under the name of a binary, "kube-apiserver" say; nil if nothing does. Of several it is the last
// that was started.
func (c *ControlPlane) Process(name string) *Process {
	for _, p := range slices.Backward(c.all()) {
		if filepath.Base(p.cmd.Path) == name && !p.Exited() {
			return p
		}
	}
	return nil
}

// count is how many processes of a binary were started.
func (c *ControlPlane) count(name string) (n int) {
	for _, p := range c.all() {
		if filepath.Base(p.cmd.Path) == name {
			n++
		}
	}
	return n
}

func (c *ControlPlane) run(name string, args ...string) (*Process, error) {
	return c.runAs(name, filepath.Join(c.bin, name), args...)
}

// Start runs any program beside the control plane, with nothing in its environment but env and the PATH; it is ended with
// the control plane at the latest. name is that of its log.
func (c *ControlPlane) Start(name string, command []string, env ...string) (*Process, error) {
	path, err := exec.LookPath(command[0])
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, command[1:]...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	return c.track(name, cmd)
}

// runAs is for programs that are started several times, or are in another folder; name is also that of the log.
func (c *ControlPlane) runAs(name, path string, args ...string) (*Process, error) {
	cmd := exec.Command(path, args...)
	cmd.Dir = c.dir
	cmd.Env = []string{"HOME=" + c.home, "PATH=" + os.Getenv("PATH")}
	return c.track(name, cmd)
}

func (c *ControlPlane) track(name string, cmd *exec.Cmd) (*Process, error) {
	p, err := startProcess(name, cmd, c.path(name+".log"))
	if err == nil {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		c.processes = append(c.processes, p)
	}
	return p, err
}

// WaitForURL waits until a URL, of the process p, is answered 200. Who answers need not prove who it is.
func WaitForURL(ctx context.Context, p *Process, url string) error {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	return waitForHTTP(ctx, p, client, url, "")
}

func waitForHTTP(ctx context.Context, p *Process, client *http.Client, url, token string) error {
	return Poll(ctx, p.Name+" to be ready", func() error {
		if p.Exited() {
			return Permanent(fmt.Errorf("%s %w; its log:\n%s", p.Name, errEnded, p.Tail(30)))
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return Permanent(err)
		}
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", response.StatusCode)
		}
		return nil
	})
}

// waitForCA waits for the certificate that kube-apiserver makes for itself.
func (c *ControlPlane) waitForCA(ctx context.Context, apiserver *Process) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	err := Poll(ctx, "kube-apiserver to make its certificate", func() error {
		if apiserver.Exited() {
			return Permanent(fmt.Errorf("kube-apiserver %w; its log:\n%s", errEnded, apiserver.Tail(30)))
		}
		text, err := os.ReadFile(c.path("certs/apiserver.crt"))
		if err != nil {
			return err
		}
		if !pool.AppendCertsFromPEM(text) {
			return errors.New("no certificate in it yet")
		}
		return nil
	})
	return pool, err
}

func (c *ControlPlane) writeSigningKey(path string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}

func (c *ControlPlane) writeKubeconfig(path, user, token string) error {
	text, err := c.KubeconfigFor(user, token)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

// KubeconfigFor is the text of a kubeconfig file for a bearer of the token. It needs no other file.
func (c *ControlPlane) KubeconfigFor(user, token string) (string, error) {
	ca, err := os.ReadFile(c.path("certs/apiserver.crt"))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
- name: e2e
  cluster: {server: %q, certificate-authority-data: %s}
users:
- name: %q
  user: {token: %q}
contexts:
- name: e2e
  context: {cluster: e2e, user: %q}
current-context: e2e
`, c.url, base64.StdEncoding.EncodeToString(ca), user, token, user), nil
}
