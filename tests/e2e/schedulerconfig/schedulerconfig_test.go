// SPDX-License-Identifier: Apache-2.0

// Package schedulerconfig has the real kube-scheduler read what `slicegate scheduler-config` prints, and tries the
// certificates. It needs no cluster: kube-scheduler checks its configuration, opens the certificates, writes down what
// it understood, and ends.
package schedulerconfig

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// deploy is where the examples are.
const deploy = "../../../deploy"

// tool runs slicegate and returns its standard output.
func tool(t *testing.T, args ...string) string {
	t.Helper()
	binary := os.Getenv("SLICEGATE")
	if binary == "" {
		t.Fatal("SLICEGATE and SLICEGATE_CONTROL_PLANE must be set: use tests/e2e/run.sh")
	}
	command := exec.Command(binary, args...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("slicegate %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

// files are what kube-scheduler opens: the certificates of docs/install.md and a kubeconfig that leads nowhere.
type files struct{ ca, cert, key, kubeconfig string }

func makeFiles(t *testing.T) files {
	t.Helper()
	dir := t.TempDir()
	tool(t, "certs", "issue", "--dir", dir, "--dns", "slicegate-scheduler.slicegate-system.svc")
	tool(t, "certs", "issue", "--dir", dir, "--client", "kube-scheduler", "--reuse-ca")
	made := files{
		ca:         filepath.Join(dir, "ca.crt"),
		cert:       filepath.Join(dir, "client.crt"),
		key:        filepath.Join(dir, "client.key"),
		kubeconfig: filepath.Join(dir, "kubeconfig"),
	}
	const nowhere = `{"apiVersion": "v1", "kind": "Config", "current-context": "a",
		"clusters": [{"name": "a", "cluster": {"server": "https://127.0.0.1:1"}}],
		"contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
		"users": [{"name": "a", "user": {"token": "none"}}]}`
	write(t, made.kubeconfig, nowhere)
	return made
}

// flags are those that name the files.
func (f files) flags() []string {
	return []string{"--ca-file", f.ca, "--cert-file", f.cert, "--key-file", f.key}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// read has kube-scheduler read a configuration. It returns what kube-scheduler understood, with its defaults filled
// in, or what it complained about.
func read(t *testing.T, config string) (understood, complaint string) {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.yaml"), filepath.Join(dir, "out.yaml")
	write(t, in, config)
	binary := filepath.Join(os.Getenv("SLICEGATE_CONTROL_PLANE"), "kube-scheduler")
	command := exec.CommandContext(t.Context(), binary, "--config", in, "--write-config-to", out, "--secure-port", "0")
	said, err := command.CombinedOutput()
	if err != nil {
		return "", string(said)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatalf("kube-scheduler wrote nothing: %v\n%s", err, said)
	}
	return string(text), ""
}

func mustRead(t *testing.T, config string) string {
	t.Helper()
	understood, complaint := read(t, config)
	if complaint != "" {
		t.Fatalf("kube-scheduler refuses this:\n%s\n%s", complaint, config)
	}
	return understood
}

// managed lists the names of resources in a YAML text, each with what it says of ignoredByScheduler.
func managed(yaml string) map[string]bool {
	entry := regexp.MustCompile(`(?m)^ *- (?:ignoredByScheduler: (true)\n +)?name: (\S+/\S+)$`)
	names := map[string]bool{}
	for _, found := range entry.FindAllStringSubmatch(yaml, -1) {
		names[found[2]] = found[1] == "true"
	}
	return names
}

func expect(t *testing.T, understood string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !regexp.MustCompile(`(?m)^[ -]*` + regexp.QuoteMeta(line) + `$`).MatchString(understood) {
			t.Errorf("kube-scheduler did not understand %q:\n%.3000s", line, understood)
		}
	}
}

func TestEverythingIsUnderstood(t *testing.T) {
	made := makeFiles(t)
	args := append(made.flags(), "--kubeconfig", made.kubeconfig, "--leader-elect", "false", "--bind", "--preempt",
		"--max-backoff", "3", "--server-name", "slicegate-scheduler.slicegate-system.svc", "--url", "https://10.96.0.40",
		"--ignored-by-scheduler", "slicegate.dev/gpu-milli", "--scheduler-name", "gpu-scheduler")
	understood := mustRead(t, tool(t, append([]string{"scheduler-config"}, args...)...))
	expect(t, understood, "percentageOfNodesToScore: 100", "podInitialBackoffSeconds: 1", "podMaxBackoffSeconds: 3",
		"schedulerName: gpu-scheduler", "leaderElect: false", "kubeconfig: "+made.kubeconfig,
		"urlPrefix: https://10.96.0.40/scheduler", "filterVerb: filter", "prioritizeVerb: prioritize", "bindVerb: bind",
		"preemptVerb: preempt", "weight: 120", "enableHTTPS: true", "nodeCacheCapable: true", "httpTimeout: 2s",
		"serverName: slicegate-scheduler.slicegate-system.svc", "caFile: "+made.ca, "certFile: "+made.cert,
		"keyFile: "+made.key)
	printed := struct {
		Extenders []struct {
			ManagedResources []struct {
				Name               string
				IgnoredByScheduler bool
			}
		}
	}{}
	text := tool(t, append([]string{"scheduler-config", "-o", "json"}, args...)...)
	if err := json.Unmarshal([]byte(text), &printed); err != nil {
		t.Fatal(err)
	}
	names := managed(understood)
	resources := printed.Extenders[0].ManagedResources
	if len(names) != len(resources) || len(names) < 200 {
		t.Errorf("%d names are printed, kube-scheduler understood %d", len(resources), len(names))
	}
	for _, resource := range resources {
		if ignored, is := names[resource.Name]; !is || ignored != resource.IgnoredByScheduler {
			t.Errorf("%s: understood %v, ignored %v", resource.Name, is, ignored)
		}
	}
	if !names["slicegate.dev/gpu-milli"] || names["nvidia.com/gpu"] {
		t.Error("only what was asked for is left to slicegate to count")
	}
}

// Every combination that changes the form of the file.
func TestEveryFormIsAccepted(t *testing.T) {
	made := makeFiles(t)
	forms := map[string][]string{
		"as it comes":    made.flags(),
		"advise":         append(made.flags(), "--weight", "advise", "--ignorable"),
		"all pods":       append(made.flags(), "--all-pods", "--ignorable"),
		"cards apart":    append(made.flags(), "--bind", "--preempt", "--ignorable"),
		"and all pods":   append(made.flags(), "--bind", "--all-pods", "--ignorable"),
		"HAMi's cards":   append(made.flags(), "--bind", "--hami"),
		"a second one":   append(made.flags(), "--scheduler-name", "gpu.scheduler-2"),
		"loopback":       {"--url", "http://127.0.0.1:8081"},
		"loopback, IPv6": {"--url", "http://[::1]:8081"},
		"policy, cluster": append(made.flags(), "--policy", deploy+"/examples/policy.yaml",
			"--cluster", deploy+"/examples/cluster.json"),
		"the longest wait": append(made.flags(), "--max-backoff", "300"),
		"the shortest":     append(made.flags(), "--max-backoff", "1", "--weight", "1000000"),
	}
	for name, args := range forms {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"scheduler-config", "--kubeconfig", made.kubeconfig}, args...)
			mustRead(t, tool(t, args...))
			mustRead(t, tool(t, append(args, "-o", "json")...))
		})
	}
}

// The files of deploy/kube-scheduler, but for the paths in them.
func TestExamplesAreAccepted(t *testing.T) {
	made := makeFiles(t)
	examples, err := filepath.Glob(deploy + "/kube-scheduler/*.yaml")
	if err != nil || len(examples) < 4 {
		t.Fatalf("%d examples: %v", len(examples), err)
	}
	for _, example := range examples {
		t.Run(filepath.Base(example), func(t *testing.T) {
			text, err := os.ReadFile(example)
			if err != nil {
				t.Fatal(err)
			}
			config := strings.ReplaceAll(string(text), "/etc/kubernetes/slicegate/", filepath.Dir(made.ca)+"/")
			config = strings.ReplaceAll(config, "/etc/kubernetes/scheduler.conf", made.kubeconfig)
			if !strings.Contains(config, "\nclientConnection:") { // its pod's ServiceAccount, which is not here
				config += "clientConnection: {kubeconfig: " + made.kubeconfig + "}\n"
			}
			mustRead(t, config)
		})
	}
}

// An existing configuration with an extender of its own, plugins and two profiles.
func TestAnExistingConfigurationIsExtended(t *testing.T) {
	made := makeFiles(t)
	theirs := filepath.Join(t.TempDir(), "theirs.yaml")
	config := `apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
clientConnection: {kubeconfig: ` + made.kubeconfig + `, qps: 200}
leaderElection: {leaderElect: false}
profiles:
- schedulerName: default-scheduler
  pluginConfig:
  - name: NodeResourcesFit
    args: {scoringStrategy: {type: MostAllocated, resources: [{name: cpu, weight: 3}]}}
- schedulerName: other
  percentageOfNodesToScore: 5
extenders:
- urlPrefix: http://127.0.0.1:9
  filterVerb: filter
  httpTimeout: 7s
  managedResources: [{name: example.com/fpga, ignoredByScheduler: true}]
`
	mustRead(t, config)
	write(t, theirs, config)
	args := append([]string{"scheduler-config", "--extend", theirs}, made.flags()...)
	understood := mustRead(t, tool(t, args...))
	expect(t, understood, "type: MostAllocated", "qps: 200", "schedulerName: other", "httpTimeout: 7s", "weight: 120")
	if strings.Contains(understood, "percentageOfNodesToScore: 5\n") {
		t.Error("a profile's own percentage would still win")
	}
	ours, others := strings.Index(understood, "/scheduler\n"), strings.Index(understood, "http://127.0.0.1:9")
	if others < 0 || ours < others {
		t.Error("our extender is not the last one")
	}
}

// That the tests above could fail: kube-scheduler does look at what it is given.
func TestMistakesAreRefused(t *testing.T) {
	made := makeFiles(t)
	good := tool(t, append([]string{"scheduler-config", "--kubeconfig", made.kubeconfig}, made.flags()...)...)
	for _, mistake := range []struct{ from, to, says string }{
		{"weight: 120", "weight: 0", "positive weight"},
		{"weight: 120", "wight: 120", "unknown field"},
		{"name: nvidia.com/gpu\n", "name: nvidia.com/mig-*\n", "managedResources"},
		{"name: nvidia.com/gpu\n", "name: nvidia.com/gpu.shared\n", "duplicate"},
		{"caFile: " + made.ca, "caFile: " + made.ca + "x", "no such file"},
		{"certFile: " + made.cert, "certFile: " + made.cert + "x", "no such file"},
		{"keyFile: " + made.key, "keyFile: " + made.key + "x", "no such file"},
		{"podMaxBackoffSeconds: 2", "podMaxBackoffSeconds: 0", "podMaxBackoffSeconds"},
	} {
		config := strings.Replace(good, mistake.from, mistake.to, 1)
		if config == good {
			t.Fatalf("nothing to replace: %q", mistake.from)
		}
		if _, complaint := read(t, config); !strings.Contains(strings.ToLower(complaint), strings.ToLower(mistake.says)) {
			t.Errorf("%s: kube-scheduler says %q", mistake.to, complaint)
		}
	}
}

// What --extend refuses for its type kube-scheduler refuses, too.
func TestWrongTypesAreRefusedByBoth(t *testing.T) {
	made := makeFiles(t)
	const head = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
	connection := "clientConnection: {kubeconfig: " + made.kubeconfig + "}\n"
	mustRead(t, head+connection+"extenders:\nprofiles: null\n")
	for _, wrong := range []string{
		"extenders: 5", "extenders: {}", "extenders: [x]", "extenders: [{urlPrefix: [a]}]", `extenders: [{weight: "5"}]`,
		"extenders: [{ignorable: 1}]", "extenders: [{httpTimeout: 5}]", "extenders: [{tlsConfig: a}]",
		"extenders: [{managedResources: {}}]", "extenders: [{managedResources: [a.b/c]}]",
		"extenders: [{managedResources: [{name: 7}]}]", "extenders: [{managedResources: [{ignoredByScheduler: a}]}]",
		"profiles: 7", "profiles: [a]", "profiles: [{schedulerName: 5}]", "profiles: [{percentageOfNodesToScore: all}]",
		"profiles: [{plugins: []}]", "profiles: [{pluginConfig: [a]}]", `percentageOfNodesToScore: "50"`,
		"podInitialBackoffSeconds: 1s", "podMaxBackoffSeconds: 2s", "parallelism: a", "leaderElection: true",
	} {
		config := head + connection + wrong + "\n"
		if understood, _ := read(t, config); understood != "" {
			t.Errorf("kube-scheduler takes %s", wrong)
		}
		theirs := filepath.Join(t.TempDir(), "theirs.yaml")
		write(t, theirs, config)
		said, err := exec.Command(os.Getenv("SLICEGATE"), "scheduler-config", "--extend", theirs).CombinedOutput()
		if ended := new(exec.ExitError); !errors.As(err, &ended) || ended.ExitCode() != 2 ||
			!strings.Contains(string(said), "theirs.yaml:4:") {
			t.Errorf("%s: %v, %.300s", wrong, err, said)
		}
	}
}

func TestNamesOfTheTestAreRead(t *testing.T) {
	names := managed("  - ignoredByScheduler: true\n    name: a.b/c\n  - name: d.e/f\n  - name: cpu\n")
	if !maps.Equal(names, map[string]bool{"a.b/c": true, "d.e/f": false}) {
		t.Errorf("read %v", names)
	}
}
