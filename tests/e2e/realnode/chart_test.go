// SPDX-License-Identifier: Apache-2.0

//go:build realnode

package realnode

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

// What people set, by name: the words for helm.
var valueSets = map[string][]string{
	"defaults":  nil,
	"webhook":   {"--set", "live.enabled=false"},
	"no advice": {"--set", "live.nominate=false,extender.enabled=false"},
	"walled": {
		"--set", "networkPolicy.enabled=true,networkPolicy.from[0].ipBlock.cidr=10.0.0.0/8",
		"--set", "networkPolicy.apiServer[0].ipBlock.cidr=10.96.0.1/32",
	},
	"one, without webhooks": {"--set", "replicas=1,webhook.enabled=false"},
	"own certificates": {
		"--set", "certificates.secretName=mine,certificates.clientCASecretName=theirs",
		"--set", "webhook.annotations.cert-manager\\.io/inject-ca-from=ns/mine",
	},
	"own account, own places": {
		"--set", "serviceAccount.create=false,serviceAccount.name=mine,rbac.create=false",
		"--set", "nodeSelector.pool=system,tolerations[0].operator=Exists,priorityClassName=system-cluster-critical",
		"--set", "image.digest=sha256:" + strings.Repeat("0a", 32) + ",imagePullSecrets[0].name=mine,extraArgs={--max-connections=64}",
		"--set", "podLabels.a=b,podAnnotations.c=d,podDisruptionBudget.maxUnavailable=50%,extender.service.clusterIP=10.96.0.77",
	},
}

func helm(t *testing.T, args ...string) harness.Output {
	t.Helper()
	out, err := node.Helm(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func mustHelm(t *testing.T, args ...string) harness.Output {
	t.Helper()
	out := helm(t, args...)
	if out.Code != 0 {
		t.Fatalf("this has to succeed:\n%s", out)
	}
	return out
}

func kubectlInput(t *testing.T, stdin string, args ...string) harness.Output {
	t.Helper()
	out, err := node.KubectlInput(t.Context(), stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func mustKubectl(t *testing.T, args ...string) string {
	t.Helper()
	out := kubectlInput(t, "", args...)
	if out.Code != 0 {
		t.Fatalf("this has to succeed:\n%s", out)
	}
	return out.Stdout
}

// The chart names the image of the slicegate that it was tested with.
func TestChartVersion(t *testing.T) {
	version, err := harness.MustSucceed(node.Slicegate(t.Context(), "version"))
	if err != nil {
		t.Fatal(err)
	}
	shown := mustHelm(t, "show", "chart", chart).Stdout
	number := strings.TrimSpace(strings.TrimPrefix(version.Stdout, "slicegate "))
	if !strings.Contains(shown, "\nappVersion: "+number+"\n") && !strings.HasPrefix(shown, "appVersion: "+number+"\n") {
		t.Errorf("slicegate is version %q; the chart says:\n%s", number, shown)
	}
}

// Each set of values passes helm's own checks, and what comes of it is what kube-apiserver takes, to the last field.
func TestChartRenders(t *testing.T) {
	mustKubectl(t, "create", "namespace", "rendered")
	for name, values := range valueSets {
		t.Run(name, func(t *testing.T) {
			mustHelm(t, append([]string{"lint", "--strict", "--quiet", chart}, values...)...)
			text := mustHelm(t, append([]string{"template", release, chart, "-n", "rendered"}, values...)...).Stdout
			out := kubectlInput(t, text, "apply", "--dry-run=server", "--validate=strict", "-n", "rendered", "-f", "-")
			if out.Code != 0 || out.Stderr != "" {
				t.Errorf("kube-apiserver is not content:\n%s", out)
			}
		})
	}
}

// What cannot work is refused before anything is installed, and the message says what to do.
func TestChartRefuses(t *testing.T) {
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte("apiVersion: slicegate.dev/v1alpha1\nkind: GPUPolicy\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		values string
		says   string
	}{
		{"--set replica=3", "additional properties 'replica' not allowed"},
		{"--set webhook.failurePolicy=fail", "webhook/failurePolicy"},
		{"--set webhook.failurePolicy=Fail,replicas=1", "needs replicas of at least 2"},
		{"--set certificates.secretName=mine", "needs certificates.caBundle"},
		{"--set-file policy=" + policy, "--set-file webhook.configuration=FILE"},
		{"--set-file policy=" + policy + " --set-file webhook.configuration=" + policy, "not what `slicegate webhook-config` prints: kind GPUPolicy"},
	} {
		out := helm(t, append([]string{"template", release, chart}, strings.Fields(c.values)...)...)
		if out.Code == 0 || !strings.Contains(out.Stderr, c.says) {
			t.Errorf("%s: this has to be refused with %q:\n%.2000s", c.values, c.says, out)
		}
	}
}

// The chart's webhooks are those that slicegate prints: for the policy in the chart, and for one's own.
func TestWebhooksAreThosePrinted(t *testing.T) {
	const own = "../testdata/policy.yaml"
	dir := t.TempDir()
	if _, err := harness.MustSucceed(node.Slicegate(t.Context(), "certs", "issue", "--dir", dir, "--dns", "x")); err != nil {
		t.Fatal(err)
	}
	printed := func(policy string, args ...string) string {
		args = append([]string{"webhook-config", "--ca-bundle", filepath.Join(dir, "ca.crt"), "--policy", policy}, args...)
		out, err := harness.MustSucceed(node.Slicegate(t.Context(), args...))
		if err != nil {
			t.Fatal(err)
		}
		return out.Stdout
	}
	foreign := filepath.Join(dir, "webhooks.yaml")
	if err := os.WriteFile(foreign, []byte(printed(own, "--service", "elsewhere/gate:8443")), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		policy string
		values []string
	}{
		"the chart's policy": {chart + "/files/policy.yaml", nil},
		"one's own policy":   {own, []string{"--set-file", "policy=" + own, "--set-file", "webhook.configuration=" + foreign}},
	} {
		args := append([]string{"template", release, chart, "-n", "gpus", "-s", "templates/webhooks.yaml"}, c.values...)
		args = append(args, "--set-file", "certificates.caBundle="+filepath.Join(dir, "ca.crt"), "--set", "certificates.secretName=mine",
			"--set", "webhook.failurePolicy=Fail,webhook.timeoutSeconds=7,webhook.excludedNamespaces={mine}")
		rendered := kubectlInput(t, mustHelm(t, args...).Stdout, "create", "--dry-run=client", "--validate=false", "-o", "json", "-f", "-")
		want := printed(c.policy, "--service", "gpus/slicegate", "--failure-policy", "Fail", "--timeout", "7", "--namespace-exclude", "mine", "-o", "json")
		got, wanted := webhooks(t, rendered.Stdout), webhooks(t, want)
		for kind := range wanted {
			if !reflect.DeepEqual(got[kind], wanted[kind]) {
				t.Errorf("%s, %s: the chart differs from `slicegate webhook-config`; `make generate` renews files/webhooks.yaml\n%v\n%v",
					name, kind, got[kind], wanted[kind])
			}
		}
		if len(got) != 2 || len(wanted) != 2 {
			t.Errorf("%s: %d and %d configurations, not two", name, len(got), len(wanted))
		}
	}
}

// webhooks are the entries by kind, out of JSON documents or a List. Excluded namespaces are a set.
func webhooks(t *testing.T, text string) map[string]any {
	t.Helper()
	found := map[string]any{}
	decoder := json.NewDecoder(strings.NewReader(text))
	for {
		var document struct {
			Kind     string
			Items    []map[string]any
			Webhooks []any
		}
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("%v:\n%.2000s", err, text)
		}
		for _, item := range document.Items {
			found[item["kind"].(string)] = sorted(item["webhooks"])
		}
		if document.Webhooks != nil {
			found[document.Kind] = sorted(document.Webhooks)
		}
	}
}

// sorted makes sets of all lists of plain texts.
func sorted(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			v[key] = sorted(v[key])
		}
	case []any:
		set := map[string]bool{}
		for i := range v {
			v[i] = sorted(v[i])
			if text, ok := v[i].(string); ok {
				set[text] = true
			}
		}
		if len(v) > 0 && len(set) == len(v) {
			return set
		}
	}
	return value
}
