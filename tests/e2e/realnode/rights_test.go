// SPDX-License-Identifier: Apache-2.0

//go:build realnode

package realnode

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

// saysWhyItWaits: an Event on the pod, and the answer to somebody who shows a token, tell why it waits.
func saysWhyItWaits(t *testing.T, pod string) {
	t.Helper()
	eventually(t, "an Event on "+pod, func() error {
		note := mustKubectl(t, "get", "events", "-n", users, "-o", "jsonpath={.items[*].message}",
			"--field-selector", "reason=GPUUnavailable,involvedObject.name="+pod)
		if !strings.Contains(note, "nvidia.com/gpu") {
			return fmt.Errorf("it says %q", note)
		}
		return nil
	})

	mustKubectl(t, "create", "clusterrole", "may-explain", "--verb=get", "--non-resource-url=/slicegate/api/v1/explain")
	mustKubectl(t, "create", "clusterrolebinding", "may-explain", "--clusterrole=may-explain", "--serviceaccount="+users+":default")
	defer mustKubectl(t, "delete", "clusterrole/may-explain", "clusterrolebinding/may-explain")
	client := http.Client{Timeout: patience, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: authorities(secret(t, release+"-tls")), ServerName: release + "." + system + ".svc"},
	}}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		"https://"+serviceAddress(t, release)+"/api/v1/explain?namespace="+users+"&pod="+pod, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(mustKubectl(t, "create", "token", "-n", users, "default")))
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(text), `"state": "waits"`) {
		t.Errorf("%s %v:\n%s", answer.Status, err, text)
	}
}

// losesTheLease: somebody deletes it, and whoever leads makes it anew. Helm removes only what bears its marks.
func losesTheLease(t *testing.T) {
	t.Helper()
	mustKubectl(t, "delete", "lease", "-n", system, release)
	eventually(t, "the Lease to be held again", func() error {
		holder := mustKubectl(t, "get", "lease", "-n", system, release, "--ignore-not-found", "-o", "jsonpath={.spec.holderIdentity}")
		if holder == "" {
			return errors.New("nobody holds it")
		}
		return nil
	})
	mustKubectl(t, "label", "lease", "-n", system, release, "app.kubernetes.io/managed-by=Helm")
	mustKubectl(t, "annotate", "lease", "-n", system, release, "meta.helm.sh/release-name="+release, "meta.helm.sh/release-namespace="+system)
}

// right is one of a Role or ClusterRole.
type right struct {
	verb, group, resource string
	names                 []string // of the objects; all, if there are none
}

func (r right) String() string { return strings.Join([]string{r.verb, r.group, r.resource}, " ") }

// allows: this is the right by which it was asked for. The one to list goes with the one to watch, for servers that do not send
// what is there as the beginning of a watch.
func (r right) allows(q harness.AuditedRequest) bool {
	resource := q.Resource
	if q.Subresource != "" {
		resource += "/" + q.Subresource
	}
	return (q.Verb == r.verb || r.verb == "list" && q.Verb == "watch") && q.Group == r.group && resource == r.resource &&
		(len(r.names) == 0 || slices.Contains(r.names, q.Name))
}

// rights are those of the release's Role or ClusterRole.
func rights(t *testing.T, kind string) (all []right) {
	t.Helper()
	var found struct {
		Rules []struct{ APIGroups, Resources, ResourceNames, Verbs []string }
	}
	if err := json.Unmarshal([]byte(mustKubectl(t, "get", kind, "-n", system, release, "-o", "json")), &found); err != nil {
		t.Fatal(err)
	}
	for _, rule := range found.Rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					all = append(all, right{verb, group, resource, rule.ResourceNames})
				}
			}
		}
	}
	if len(all) == 0 {
		t.Errorf("the %s has no rules", kind)
	}
	return all
}

// someDays are rights that not every run makes use of.
var someDays = []string{
	"get  pods", // when a Binding meets a pod that has changed
}

// requests are those of all service accounts until now.
func requests(t *testing.T) []harness.AuditedRequest {
	t.Helper()
	requests, err := node.Requests()
	if err != nil {
		t.Fatal(err)
	}
	return requests
}

// rightsAreNeeded: of these requests kube-apiserver has refused none of the release's, and there is no right that it has not
// made use of, but for those of some days.
func rightsAreNeeded(t *testing.T, requests []harness.AuditedRequest) {
	t.Helper()
	var own []harness.AuditedRequest
	for _, q := range requests {
		if q.User != "system:serviceaccount:"+system+":"+release {
			continue
		}
		if q.Status == http.StatusForbidden {
			t.Errorf("this is refused: %+v", q)
		} else {
			own = append(own, q)
		}
	}
	t.Logf("%d requests of the release", len(own))
	for _, kind := range []string{"clusterrole", "role"} {
		for _, r := range rights(t, kind) {
			if !slices.Contains(someDays, r.String()) && !slices.ContainsFunc(own, r.allows) {
				t.Errorf("nobody needs this right of the %s: %s", kind, r)
			}
		}
	}
}
