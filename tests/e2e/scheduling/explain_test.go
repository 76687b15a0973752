// SPDX-License-Identifier: Apache-2.0

package scheduling

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

// explained asks /api/v1/explain with a token, or without when it is empty.
func (g *gate) explained(t *testing.T, client *http.Client, token, namespace, pod string) (int, string) {
	t.Helper()
	query := url.Values{"namespace": {namespace}, "pod": {pod}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.URL()+"/api/v1/explain?"+query.Encode(), nil)
	must(t, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	must(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(t, err)
	return response.StatusCode, string(text)
}

var inKubeconfig = regexp.MustCompile(`token: "([^"]+)"`)

// tokenOf is the token in the text of a kubeconfig.
func tokenOf(t *testing.T, kubeconfig string) string {
	t.Helper()
	found := inKubeconfig.FindStringSubmatch(kubeconfig)
	if found == nil {
		t.Fatal("there is no token in the kubeconfig")
	}
	return found[1]
}

// reasons are the messages of slicegate's own events on a pod, and what all of them are.
func reasons(t *testing.T, ctx context.Context, namespace, pod string) []string {
	t.Helper()
	events, err := suite.Plane.Events(ctx, namespace, pod)
	must(t, err)
	var messages []string
	for _, event := range events {
		if event.ReportingComponent != "slicegate.dev/explain" {
			continue
		}
		if event.Type != "Warning" || event.Reason != "GPUUnavailable" {
			t.Errorf("an event of another kind: %+v", event)
		}
		messages = append(messages, event.Message)
	}
	return messages
}

// waitReasons waits until slicegate has said so many things about a pod, and returns them.
func waitReasons(t *testing.T, namespace, pod string, count int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // a pod is told one thing a minute
	defer cancel()
	var said []string
	must(t, harness.Poll(ctx, fmt.Sprintf("%d events of slicegate about %s", count, pod), func() error {
		if said = reasons(t, ctx, namespace, pod); len(said) != count {
			return fmt.Errorf("there are %q", said)
		}
		return nil
	}))
	return said
}

// mustSay checks that one of the texts has all of these parts.
func mustSay(t *testing.T, texts []string, parts ...string) {
	t.Helper()
	for _, text := range texts {
		missing := false
		for _, part := range parts {
			missing = missing || !strings.Contains(text, part)
		}
		if !missing {
			return
		}
	}
	t.Errorf("%q are not said in %q", parts, texts)
}

// A pod that fits nowhere is told why, once; again when that is another reason. The command line and the API say the
// same, the latter to whom the cluster lets.
func TestWaitingPodsAreExplained(t *testing.T) {
	nodes := harness.H100.Whole("why", 2, 8)
	namespace, watch := cluster(t, nodes)
	g := live(t)
	scheduler(t, g.options(120, "", "nvidia.com/gpu"))
	must(t, suite.Plane.CreatePods(t.Context(), harness.PodShape{Namespace: namespace, Name: "has", Requests: gpus(5)}.Times(2)...))
	must(t, watch.WaitBound(within(t), 2))
	must(t, suite.Plane.CreatePods(t.Context(), harness.PodShape{Namespace: namespace, Name: "wants", Requests: gpus(8)}))
	said := waitReasons(t, namespace, "wants", 1)
	mustSay(t, said, "0/2 nodes fit: 2 Insufficient nvidia.com/gpu", "; smallest change: ask for fewer nvidia.com/gpu")

	t.Run("API", func(t *testing.T) { mustBeReadable(t, g, namespace) })

	for _, name := range nodes.Names() {
		_, err := harness.MustSucceed(suite.Plane.Kubectl(t.Context(), "taint", "node", name, "e2e=maintenance:NoSchedule"))
		must(t, err)
	}
	said = waitReasons(t, namespace, "wants", 2)
	mustSay(t, said, "0/2 nodes fit: 2 node(s) had untolerated taint {e2e: maintenance}")
	for _, name := range []string{"has-0", "has-1"} {
		if said := reasons(t, t.Context(), namespace, name); len(said) > 0 {
			t.Errorf("%s does not wait, and is told %q", name, said)
		}
	}
	if posted := g.metric(t, "slicegate_pod_events_total", `"posted"`); posted != 2 {
		t.Errorf("%v events were posted", posted)
	}
}

func mustBeReadable(t *testing.T, g *gate, namespace string) {
	client := g.client(t)
	kubeconfig, err := os.ReadFile(suite.Plane.Kubeconfig)
	must(t, err)
	admin := tokenOf(t, string(kubeconfig))
	path, err := suite.Slicegate.WriteSecret("admin.kubeconfig", kubeconfig)
	must(t, err)
	reader, err := suite.Plane.ServiceAccount(t.Context(), "slicegate-system", "reader", "testdata/reader-rbac.yaml")
	must(t, err)
	for _, row := range []struct {
		token, pod string
		status     int
		says       string
	}{
		{admin, "wants", http.StatusOK, `"state": "waits"`},
		{admin, "has-0", http.StatusOK, `"state": "placed"`},
		{admin, "want", http.StatusNotFound, "did you mean " + namespace + "/wants?"},
		{admin, "", http.StatusBadRequest, "pod is missing"},
		{tokenOf(t, reader), "wants", http.StatusForbidden, `may not get the path /slicegate/api/v1/explain`},
		{"nobody", "wants", http.StatusUnauthorized, "does not know this token"},
		{"", "wants", http.StatusUnauthorized, "Authorization: Bearer TOKEN"},
	} {
		if status, text := g.explained(t, client, row.token, namespace, row.pod); status != row.status || !strings.Contains(text, row.says) {
			t.Errorf("%q: %d, not %d that says %q: %s", row.pod, status, row.status, row.says, text)
		}
	}
	must(t, harness.Poll(within(t), "command line and API to agree", func() error {
		out, err := suite.Slicegate.Run(t.Context(), nil,
			"explain", "--kubeconfig", path, "-n", namespace, "wants", "-o", "json")
		must(t, err)
		status, text := g.explained(t, client, admin, namespace, "wants")
		var printed, answered map[string]any
		if err := errors.Join(json.Unmarshal([]byte(out.Stdout), &printed), json.Unmarshal([]byte(text), &answered)); err != nil {
			return harness.Permanent(fmt.Errorf("%w: %d %s, %s", err, status, text, out))
		}
		if !reflect.DeepEqual(printed, answered) {
			return fmt.Errorf("%s\n%s", out.Stdout, text)
		}
		return nil
	}))
}
