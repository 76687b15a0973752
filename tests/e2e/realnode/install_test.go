// SPDX-License-Identifier: Apache-2.0

//go:build realnode

package realnode

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

const users = "ml" // the namespace of those who use GPUs

// One release lives through its whole life, as a webhook that knows no cluster. A step that fails leaves the later ones without ground.
func TestRelease(t *testing.T) {
	mustKubectl(t, "create", "namespace", users)
	// The strictest standard of Kubernetes for pods holds for ours.
	mustKubectl(t, "create", "namespace", system)
	mustKubectl(t, "label", "namespace", system, "pod-security.kubernetes.io/enforce=restricted")
	for _, step := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"install", install},
		{"pods have no rights", podsHaveNoRights},
		{"refuses through the Service", refuses},
		{"a pod runs on its GPU", runsOnGPU},
		{"restart without a failed call", restart},
		{"another policy without a restart", otherPolicy},
		{"upgrade keeps the authority", upgrade},
		{"a certificate for another name", renewCertificate},
		{"uninstall leaves nothing", uninstall},
	} {
		if !t.Run(step.name, step.run) {
			t.Logf("events:\n%s", mustKubectl(t, "get", "events", "-A"))
			t.Logf("logs:\n%s", kubectlInput(t, "", "logs", "-n", system, "-l", "app.kubernetes.io/name=slicegate", "--tail=30", "--prefix"))
			t.FailNow()
		}
	}
}

func install(t *testing.T) {
	mustHelm(t, "install", release, chart, "-n", system, "--wait", "--timeout=60s",
		"--set", "image.pullPolicy=Never,webhook.failurePolicy=Fail,live.enabled=false")
	serviceAnswers(t, release)
}

// serviceAnswers waits for kube-proxy, which learns of ready pods a moment after helm does.
func serviceAnswers(t *testing.T, name string) {
	t.Helper()
	address := serviceAddress(t, name)
	eventually(t, "the Service "+name+" to lead to its pods", func() error {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// podsHaveNoRights looks at the processes from outside, where nothing in the pods can embellish it.
func podsHaveNoRights(t *testing.T) {
	pids := processes(t, "slicegate")
	if len(pids) != 2 {
		t.Fatalf("%d processes, not two", len(pids))
	}
	for _, pid := range pids {
		status := readFile(t, "/proc/"+pid+"/status")
		for _, line := range []string{
			"Uid:\t65532\t65532\t65532\t65532", "Gid:\t65532\t65532\t65532\t65532",
			"CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2",
		} {
			if !strings.Contains(status, "\n"+line+"\n") {
				t.Errorf("its status has no line %q:\n%s", line, status)
			}
		}
		mounts := readFile(t, "/proc/"+pid+"/mountinfo")
		isReadOnly := false
		for line := range strings.Lines(mounts) {
			fields := strings.Fields(line) // 4 is the place, 5 the options
			isReadOnly = isReadOnly || fields[4] == "/" && slices.Contains(strings.Split(fields[5], ","), "ro")
		}
		if !isReadOnly || strings.Contains(mounts, "serviceaccount") {
			t.Errorf("its root can be written, or it has a token:\n%s", mounts)
		}
	}
}

func refuses(t *testing.T) {
	// Half a GPU is stopped by the mutating webhook, devices got around the scheduler by the validating one.
	expectRefusal(t, apply(t, gpuPod("half", "nvidia.com/gpu", "500m")), "gpu-limits", "spec.containers[0].resources.limits")
	bypass := gpuPod("bypass", "cpu", "1")
	bypass.container()["env"] = []any{map[string]any{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}}
	expectRefusal(t, apply(t, bypass), "gpu-bypass", "NVIDIA_VISIBLE_DEVICES")
	// The address that was called is that of the Service, so both pods can be asked.
	var reviews float64
	for _, pod := range pods(t) {
		reviews += metric(t, pod, "slicegate_reviews_total")
	}
	if reviews < 2 {
		t.Errorf("the pods count %v reviews, not two", reviews)
	}
}

// runsOnGPU: what the kubelet had allocated by the device plugin is in the container.
func runsOnGPU(t *testing.T) {
	for resource, ids := range devices {
		name := map[string]string{"nvidia.com/gpu": "whole", "nvidia.com/mig-1g.10gb": "slice"}[resource]
		if out := apply(t, gpuPod(name, resource, "1")); out.Code != 0 {
			t.Fatalf("this has to be admitted:\n%s", out)
		}
		mustKubectl(t, "wait", "-n", users, "pod/"+name, "--for=condition=Ready", "--timeout=30s")
		said := strings.TrimSpace(mustKubectl(t, "logs", "-n", users, name))
		id, _ := strings.CutPrefix(said, "devices: ")
		if !slices.Contains(ids, id) {
			t.Errorf("%s: the container says %q, which is none of %q", name, said, ids)
		}
	}
	// The second GPU is free, three are not to be had: it waits, and so the third pod is the scheduler's affair.
	for _, name := range []string{"second", "third"} {
		if out := apply(t, gpuPod(name, "nvidia.com/gpu", "1")); out.Code != 0 {
			t.Fatalf("this has to be admitted:\n%s", out)
		}
		if name == "second" {
			mustKubectl(t, "wait", "-n", users, "pod/second", "--for=condition=Ready", "--timeout=30s")
		}
	}
	eventually(t, "the third pod to be told why it waits", func() error {
		why := mustKubectl(t, "get", "pod", "-n", users, "third", "-o", `jsonpath={.status.conditions[?(@.type=="PodScheduled")].message}`)
		if !strings.Contains(why, "Insufficient nvidia.com/gpu") {
			return fmt.Errorf("it is told %q", why)
		}
		return nil
	})
	mustKubectl(t, "delete", "pods", "-n", users, "--all", "--grace-period=1")
}

// restart replaces both pods while reviews go on. With failurePolicy Fail a call that fails would show.
func restart(t *testing.T) {
	before := pods(t)
	mustKubectl(t, "rollout", "restart", "-n", system, "deployment/"+release)
	done := make(chan error, 1)
	go func() {
		_, err := harness.MustSucceed(node.Kubectl(context.Background(), "rollout", "status", "-n", system, "deployment/"+release, "--timeout=60s"))
		done <- err
	}()
	half := gpuPod("half", "nvidia.com/gpu", "500m")
	for calls := 0; ; calls++ {
		answer, err := node.API.DryRunPod(t.Context(), users, half)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(answer.Message(), "denied the request") {
			t.Fatalf("call %d is answered %d: %s", calls, answer.Status, answer.Message())
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			settle(t)
			if after := pods(t); slices.Contains(after, before[0]) || slices.Contains(after, before[1]) {
				t.Errorf("the pods were %q and are %q", before, after)
			}
			t.Logf("%d calls, none failed", calls+1)
			return
		default:
		}
	}
}

const teamPolicy = `apiVersion: slicegate.dev/v1alpha1
kind: GPUPolicy
metadata: {name: team}
spec:
  rules:
    budget-labels: {severity: deny, labels: {slicegate.dev/team: {required: true}}}
`

func otherPolicy(t *testing.T) {
	before := pods(t)
	policy := writeFile(t, "policy.yaml", teamPolicy)
	ca := writeFile(t, "ca.crt", secret(t, "slicegate-ca")["ca.crt"])
	printed, err := harness.MustSucceed(node.Slicegate(t.Context(), "webhook-config", "--policy", policy, "--service", system+"/"+release, "--ca-bundle", ca))
	if err != nil {
		t.Fatal(err)
	}
	out := apply(t, gpuPod("anonymous", "nvidia.com/gpu", "1"), "--dry-run=server")
	if out.Code != 0 {
		t.Fatalf("this has to be admitted:\n%s", out)
	}
	mustHelm(t, "upgrade", release, chart, "-n", system, "--wait", "--timeout=60s", "--reuse-values",
		"--set-file", "policy="+policy, "--set-file", "webhook.configuration="+writeFile(t, "webhooks.yaml", printed.Stdout))
	eventually(t, "the new policy to be read", func() error {
		// Several times: both pods have to know it.
		for range 10 {
			answer, err := node.API.DryRunPod(t.Context(), users, gpuPod("anonymous", "nvidia.com/gpu", "1"))
			if err != nil {
				return harness.Permanent(err)
			}
			if !strings.Contains(answer.Message(), "slicegate.dev/team") || answer.Status < 400 {
				return fmt.Errorf("%d %.300s", answer.Status, answer.Message())
			}
		}
		return nil
	})
	if after := pods(t); !slices.Equal(before, after) {
		t.Errorf("the pods were %q and are %q", before, after)
	}
}

func upgrade(t *testing.T) {
	names := []string{"slicegate-ca", "slicegate-tls"}
	before := map[string]map[string]string{}
	for _, name := range names {
		before[name] = secret(t, name)
	}
	mustHelm(t, "upgrade", release, chart, "-n", system, "--wait", "--timeout=60s", "--reset-values",
		"--set", "image.pullPolicy=Never,webhook.failurePolicy=Fail,live.enabled=false,webhook.timeoutSeconds=5,log.level=debug")
	settle(t) // another flag, other pods
	for _, name := range names {
		for key, value := range before[name] {
			if secret(t, name)[key] != value {
				t.Errorf("%s of secret %s has changed", key, name)
			}
		}
	}
	for _, kind := range []string{"validating", "mutating"} {
		bundle := mustKubectl(t, "get", kind+"webhookconfiguration", release, "-o", "jsonpath={.webhooks[0].clientConfig.caBundle} {.webhooks[0].timeoutSeconds}")
		want := base64.StdEncoding.EncodeToString([]byte(before["slicegate-ca"]["ca.crt"])) + " 5"
		if bundle != want {
			t.Errorf("%s: caBundle and timeout are %q, not %q", kind, bundle, want)
		}
	}
	expectRefusal(t, apply(t, gpuPod("half", "nvidia.com/gpu", "500m")), "gpu-limits")
}

// renewCertificate: the same authority signs again, and running pods show the new certificate.
func renewCertificate(t *testing.T) {
	before, running := secret(t, "slicegate-ca"), pods(t)
	const name = "gate.example.com"
	mustHelm(t, "upgrade", release, chart, "-n", system, "--wait", "--timeout=60s", "--reuse-values", "--set", "certificates.names={"+name+"}")
	if after := secret(t, "slicegate-ca"); after["ca.crt"] != before["ca.crt"] || after["ca.key"] != before["ca.key"] {
		t.Error("the authority has changed")
	}
	address := serviceAddress(t, release)
	eventually(t, "pods to show the new certificate", func() error {
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: authorities(before), ServerName: name})
		if err != nil {
			return err
		}
		return conn.Close()
	})
	if after := pods(t); !slices.Equal(running, after) {
		t.Errorf("the pods were %q and are %q", running, after)
	}
	expectRefusal(t, apply(t, gpuPod("half", "nvidia.com/gpu", "500m")), "gpu-limits")
}

func uninstall(t *testing.T) {
	for _, pod := range pods(t) {
		restarts := mustKubectl(t, "get", "pod", "-n", system, pod, "-o", "jsonpath={.status.containerStatuses[0].restartCount}")
		if restarts != "0" {
			t.Errorf("%s was restarted %s times", pod, restarts)
		}
	}
	mustHelm(t, "uninstall", release, "-n", system, "--wait", "--timeout=60s")
	nothingIsLeft(t)
	// Nobody looks any longer: this is for Kubernetes to refuse.
	out := apply(t, gpuPod("half", "nvidia.com/gpu", "500m"))
	if out.Code == 0 || strings.Contains(out.Stderr, "webhook") || !strings.Contains(out.Stderr, "must be an integer") {
		t.Errorf("Kubernetes is to answer for itself:\n%s", out)
	}
}

// nothingIsLeft waits until there is no object of the release, nor any that its pods made.
func nothingIsLeft(t *testing.T) {
	t.Helper()
	eventually(t, "pods to be gone", func() error {
		if left := pods(t); len(left) > 0 {
			return fmt.Errorf("%q are left", left)
		}
		return nil
	})
	var kinds []string
	for kind := range strings.Lines(mustKubectl(t, "api-resources", "--verbs=list", "-o", "name")) {
		kinds = append(kinds, strings.TrimSpace(kind))
	}
	// Events are told apart from what they tell of; endpoints go with their Service, by a controller and a moment later.
	kinds = slices.DeleteFunc(kinds, func(kind string) bool { return strings.HasPrefix(kind, "events") })
	eventually(t, "everything of the release to be gone", func() error {
		left := mustKubectl(t, "get", strings.Join(kinds, ","), "-A", "-o", "name", "-l", "app.kubernetes.io/instance="+release) +
			mustKubectl(t, "get", "secrets,configmaps,leases", "-n", system, "-o", "name", "--field-selector", "metadata.name!=kube-root-ca.crt")
		if left != "" {
			return errors.New(left)
		}
		return nil
	})
}

// ---- what the steps use -------------------------------------------------------------------------------------------------

type object map[string]any

func (o object) container() map[string]any {
	return o["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
}

// gpuPod is a pod as its owner should write it.
func gpuPod(name, resource, count string) object {
	return object{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"name": name},
		"spec": map[string]any{
			"terminationGracePeriodSeconds": 1,
			"tolerations":                   []any{map[string]any{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}},
			"containers": []any{map[string]any{
				"name": "main", "image": harness.PauseImage, "imagePullPolicy": "Never",
				"resources": map[string]any{"limits": map[string]any{resource: count}},
			}},
		},
	}
}

func apply(t *testing.T, o object, args ...string) harness.Output {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return kubectlInput(t, string(text), append([]string{"apply", "-n", users, "-f", "-"}, args...)...)
}

func expectRefusal(t *testing.T, out harness.Output, texts ...string) {
	t.Helper()
	for _, text := range append(texts, `.slicegate.dev" denied the request`) {
		if out.Code == 0 || !strings.Contains(out.Stderr, text) {
			t.Errorf("this has to be refused, with %q:\n%s", text, out)
		}
	}
}

func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := harness.Poll(ctx, what, try); err != nil {
		t.Fatal(err)
	}
}

// pods are the names of the release's pods.
func pods(t *testing.T) []string {
	t.Helper()
	names := strings.Fields(mustKubectl(t, "get", "pods", "-n", system, "-l", "app.kubernetes.io/instance="+release, "-o", "jsonpath={.items[*].metadata.name}"))
	slices.Sort(names)
	return names
}

// settle waits until those that are being replaced are gone.
func settle(t *testing.T) {
	t.Helper()
	eventually(t, "old pods to be gone", func() error {
		if now := pods(t); len(now) != 2 {
			return fmt.Errorf("there are %q", now)
		}
		return nil
	})
}

// secret is the decoded content of a Secret of the release.
func secret(t *testing.T, name string) map[string]string {
	t.Helper()
	var found struct{ Data map[string][]byte }
	if err := json.Unmarshal([]byte(mustKubectl(t, "get", "secret", "-n", system, name, "-o", "json")), &found); err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for key, value := range found.Data {
		texts[key] = string(value)
	}
	return texts
}

// serviceAddress is where a Service of the release is reached.
func serviceAddress(t *testing.T, name string) string {
	t.Helper()
	return mustKubectl(t, "get", "service", "-n", system, name, "-o", "jsonpath={.spec.clusterIP}") + ":443"
}

// authorities are those of a Secret of the release, for its clients.
func authorities(secret map[string]string) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(secret["ca.crt"]))
	return pool
}

// processes are the ids of all processes of a name. Pods' processes are among those of the enclosure.
func processes(t *testing.T, name string) []string {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		t.Fatal(err)
	}
	var pids []string
	for _, path := range names {
		if text, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(text)) == name {
			pids = append(pids, filepath.Base(filepath.Dir(path)))
		}
	}
	return pids
}

// metric is the sum of a counter over its labels, asked of one pod through kube-apiserver.
func metric(t *testing.T, pod, name string) (sum float64) {
	t.Helper()
	page := mustKubectl(t, "get", "--raw", "/api/v1/namespaces/"+system+"/pods/https:"+pod+":8443/proxy/metrics")
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, name) {
			var value float64
			if _, err := fmt.Sscan(line[strings.LastIndexByte(line, ' ')+1:], &value); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			sum += value
		}
	}
	return sum
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
