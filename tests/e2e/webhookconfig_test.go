// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
)

type webhookConfiguration struct {
	Metadata struct{ Name string }
	Webhooks []struct {
		Name, FailurePolicy, SideEffects string
		TimeoutSeconds                   int
		MatchConditions                  []struct{ Name, Expression string }
		NamespaceSelector                struct {
			MatchExpressions []struct {
				Key, Operator string
				Values        []string
			}
		}
	}
}

// kube-apiserver takes the printed configuration as it stands, and applying it again changes nothing.
func TestWebhookConfigurationIsAccepted(t *testing.T) {
	gate := sharedGate(t)
	again := kubectlInput(t, gate.Config, "apply", "--validate=strict", "-f", "-")
	if again.Code != 0 || again.Stderr != "" || strings.Count(again.Stdout, " unchanged") != 2 {
		t.Errorf("the second time nothing may change:\n%s", again)
	}
	for _, kind := range []string{"validatingwebhookconfiguration", "mutatingwebhookconfiguration"} {
		if !strings.Contains(again.Stdout, kind) {
			t.Errorf("there is no %s:\n%s", kind, again)
		}
		var stored list[webhookConfiguration]
		decode(t, mustKubectl(t, "get", kind, "-o", "json").Stdout, &stored)
		if len(stored.Items) != 1 {
			t.Fatalf("%d of %s", len(stored.Items), kind)
		}
		for _, hook := range stored.Items[0].Webhooks {
			want := "Fail"
			if strings.HasPrefix(hook.Name, "suspect") {
				want = "Ignore"
			} else if !strings.HasPrefix(hook.Name, "gpu") {
				t.Errorf("a webhook is neither gpu nor suspect: %s", hook.Name)
			}
			if hook.FailurePolicy != want {
				t.Errorf("%s: failurePolicy %s, not %s", hook.Name, hook.FailurePolicy, want)
			}
			if hook.SideEffects != "None" {
				t.Errorf("%s: sideEffects %s", hook.Name, hook.SideEffects)
			}
			if hook.TimeoutSeconds > 5 {
				t.Errorf("%s: a timeout of %d seconds is not short", hook.Name, hook.TimeoutSeconds)
			}
			if len(hook.MatchConditions) == 0 {
				t.Errorf("%s has no matchConditions", hook.Name)
			}
			excluded := false
			for _, e := range hook.NamespaceSelector.MatchExpressions {
				excluded = excluded || e.Key == "kubernetes.io/metadata.name" && e.Operator == "NotIn" && strings.Contains(strings.Join(e.Values, " "), "kube-system")
			}
			if !excluded {
				t.Errorf("%s does not exclude kube-system", hook.Name)
			}
		}
	}
}

// Every form of the command prints what kube-apiserver accepts.
func TestWebhookConfigurationVariants(t *testing.T) {
	gate := sharedGate(t)
	for name, args := range map[string][]string{
		"built-in policy":  {"--url", gate.Server.URL()},
		"failing open":     {"--url", gate.Server.URL(), "--policy", suite.inputs.Policy, "--failure-policy", "Ignore", "--timeout", "2"},
		"service":          {"--service", "slicegate-system/slicegate", "--policy", suite.inputs.Policy},
		"service and port": {"--service", "slicegate-system/slicegate:8443", "--policy", suite.inputs.Policy},
	} {
		t.Run(name, func(t *testing.T) {
			printed, err := suite.slicegate.Run(t.Context(), nil, append([]string{"webhook-config", "--ca-bundle", gate.Certs.CA()}, args...)...)
			if err != nil {
				t.Fatal(err)
			}
			out := kubectlInput(t, printed.Stdout, "apply", "--validate=strict", "--dry-run=server", "-f", "-")
			if printed.Code != 0 || out.Code != 0 || out.Stderr != "" {
				t.Errorf("this has to be accepted:\n%s\n%s", printed, out)
			}
		})
	}
}

// Objects of kube-system never reach slicegate.
func TestKubeSystemIsExcluded(t *testing.T) {
	sharedGate(t)
	for _, name := range []string{"pod-no-team", "pod-bypass-environment"} {
		mustKubectl(t, "apply", "-n", "kube-system", "-f", manifest(name))
		mustKubectl(t, "delete", "-n", "kube-system", "-f", manifest(name), "--grace-period=0", "--wait=false")
	}
	// Kubernetes then answers for itself.
	out := kubectl(t, "apply", "-n", "kube-system", "-f", manifest("pod-fraction"))
	if out.Code == 0 || !strings.Contains(out.Stderr, "must be an integer") || strings.Contains(out.Stderr, "admission webhook") {
		t.Errorf("this is for Kubernetes to refuse:\n%s", out)
	}
}

// slicegate runs under an identity that has no rights: not those of the suite, nor any in the cluster.
func TestIdentity(t *testing.T) {
	gate := sharedGate(t)
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		code, text, err := gate.Server.Get(t.Context(), path)
		if err != nil || code != http.StatusOK {
			t.Errorf("%s: %d %v\n%s", path, code, err, text)
		}
	}
	proc := "/proc/" + strconv.Itoa(gate.Server.Pid())
	environment, err := os.ReadFile(proc + "/environ")
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.ToUpper(string(environment)); strings.Contains(text, "KUBE") || strings.Contains(text, "HOME=") {
		t.Errorf("its environment is not empty: %q", environment)
	}
	if os.Geteuid() != 0 {
		return
	}
	status, err := os.ReadFile(proc + "/status")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(status), "\nUid:\t65534\t65534\t65534\t65534\n") || !strings.Contains(string(status), "\nCapEff:\t0000000000000000\n") {
		t.Errorf("it does not run as nobody:\n%s", status)
	}
}
