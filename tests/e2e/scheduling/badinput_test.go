// SPDX-License-Identifier: Apache-2.0

package scheduling

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

// held are the metrics of what is held, and of what was changed by it.
func (g *gate) held(t *testing.T) string {
	t.Helper()
	text := ""
	for _, kind := range []string{"tentative", "nominated", "firm"} {
		text += fmt.Sprintf("%s %v, ", kind, g.metric(t, "slicegate_holds{", `"`+kind+`"`))
	}
	return text + fmt.Sprintf("generation %v", g.metric(t, "slicegate_state_generation", ""))
}

// Whatever is sent to the extender's listener that kube-scheduler would not send is answered 4xx, or with an Error,
// counted, and changes nothing.
func TestBadInputIsRefused(t *testing.T) {
	namespace, watch := cluster(t, harness.H100.Whole("node", 2, 8))
	g := live(t, "--nominate=false")
	client := g.client(t)
	waits := one(namespace, "waits", "nvidia.com/gpu", 1)
	waits.Gates = []string{"example.com/never"}
	must(t, suite.Plane.CreatePods(t.Context(), waits))
	must(t, watch.Wait(within(t), "the pod to be there", func() error {
		if watch.Record(namespace, "waits") == nil {
			return fmt.Errorf("it is not")
		}
		return nil
	}))
	g.waitMetric(t, "slicegate_state_objects", `"Pod"`, 1)
	pod := func(requests map[string]string) string {
		text, err := json.Marshal(harness.PodShape{Namespace: namespace, Name: "absurd", Requests: requests}.Object("absurd"))
		must(t, err)
		return string(text)
	}
	good := pod(gpus(1))
	names := `"NodeNames":["node-0","node-1"]`
	for name, bad := range map[string]struct {
		method, path, body string
		status             int // 0: 200 with an Error, or with no name passed
		counted            string
	}{
		"no JSON":            {"POST", "filter", "what?", 400, `verb="filter",result="malformed"`},
		"cut":                {"POST", "filter", `{"Pod":` + good + `,"NodeNames":["node-0`, 400, `verb="filter",result="malformed"`},
		"empty":              {"POST", "filter", "", 400, `verb="filter",result="malformed"`},
		"an array":           {"POST", "prioritize", "[]", 400, `verb="prioritize",result="malformed"`},
		"both null":          {"POST", "filter", `{"Pod":` + good + `,"Nodes":null,"NodeNames":null}`, 400, `verb="filter",result="malformed"`},
		"both null, ranked":  {"POST", "prioritize", `{"Pod":` + good + `}`, 400, `verb="prioritize",result="malformed"`},
		"no pod":             {"POST", "filter", `{"Pod":null,` + names + `}`, 400, `verb="filter",result="malformed"`},
		"a pod without uid":  {"POST", "filter", `{"Pod":{"metadata":{"name":"a"}},` + names + `}`, 400, `verb="filter",result="malformed"`},
		"names are numbers":  {"POST", "filter", `{"Pod":` + good + `,"NodeNames":[1,2]}`, 400, `verb="filter",result="malformed"`},
		"deep":               {"POST", "filter", `{"Pod":` + strings.Repeat("[", 100000) + `}`, 400, `verb="filter",result="malformed"`},
		"too many GPUs":      {"POST", "filter", `{"Pod":` + pod(gpus(1000)) + `,` + names + `}`, 0, `verb="filter",result="refused"`},
		"absurdly many GPUs": {"POST", "filter", `{"Pod":` + pod(map[string]string{"nvidia.com/gpu": "9223372036854775807"}) + `,` + names + `}`, 0, ""},
		"bind, no JSON":      {"POST", "bind", "{", 400, `verb="bind",result="malformed"`},
		"bind, unknown pod": {"POST", "bind", `{"PodName":"nobody","PodNamespace":"` + namespace + `","PodUID":"no-uid","Node":"node-0"}`, 0,
			`verb="bind",result="unknown_pod"`},
		"preempt, no JSON": {"POST", "preempt", "\x00\x01", 400, `verb="preempt",result="malformed"`},
		"GET":              {"GET", "filter", "", 405, ""},
		"PUT":              {"PUT", "filter", "{}", 405, ""},
		"another path":     {"POST", "elsewhere", "{}", 404, ""},
	} {
		before := g.held(t)
		counted := g.metric(t, "slicegate_extender_requests_total", bad.counted)
		status, text := g.call(t, client, bad.method, "/scheduler/"+bad.path, []byte(bad.body))
		switch {
		case bad.status != 0 && status != bad.status:
			t.Errorf("%s: %d %.300s", name, status, text)
		case bad.status == 0 && status != http.StatusOK:
			t.Errorf("%s: %d %.300s", name, status, text)
		case bad.status != 0 && len(text) < 10:
			t.Errorf("%s: the answer does not say why: %q", name, text)
		case bad.path == "bind" && bad.status == 0 && strings.Contains(text, `"Error":""`):
			t.Errorf("%s: no error is said: %s", name, text)
		}
		if bad.path == "filter" && bad.counted != "" && bad.status == 0 && !strings.Contains(text, `"NodeNames":[]`) {
			t.Errorf("%s: passed: %s", name, text)
		}
		if after := g.metric(t, "slicegate_extender_requests_total", bad.counted); bad.counted != "" && after != counted+1 {
			t.Errorf("%s: counted %v times under %s", name, after-counted, bad.counted)
		}
		if after := g.held(t); after != before {
			t.Errorf("%s: was %s, is %s", name, before, after)
		}
	}

	// Names of nodes that do not exist pass, for they may be newer than what we know, and hold nothing; 50,000 of
	// them are read, more are refused.
	many := make([]string, 50000)
	for i := range many {
		many[i] = fmt.Sprintf("a-node-with-a-name-of-some-length-%d", i)
	}
	before := g.held(t)
	answer := g.filter(t, client, one(namespace, "many", "nvidia.com/gpu", 1), "many", many)
	if len(answer.NodeNames) == 0 || len(answer.NodeNames) > 16 || answer.Error != "" {
		t.Errorf("of unknown nodes %d pass, error %q", len(answer.NodeNames), answer.Error)
	}
	if after := g.held(t); after != before {
		t.Errorf("unknown nodes: was %s, is %s", before, after)
	}
	tooMany := `{"Pod":` + good + `,"NodeNames":["` + strings.Repeat(`a-node","`, 1<<20) + `"]}`
	if status, text := g.call(t, client, http.MethodPost, "/scheduler/filter", []byte(tooMany)); status != http.StatusBadRequest {
		t.Errorf("ten mebibytes of names: %d %.300s", status, text)
	}
	if after := g.held(t); after != before {
		t.Errorf("too many names: was %s, is %s", before, after)
	}
	if status, text, err := g.Get(t.Context(), "/readyz"); err != nil || status != http.StatusOK {
		t.Errorf("afterwards: %d %s %v", status, text, err)
	}
	if record := watch.Record(namespace, "waits"); record == nil || record.Spec.NodeName != "" {
		t.Error("the waiting pod was touched")
	}
}

// Without a client certificate of the right CA nobody is listened to.
func TestStrangersAreNotHeard(t *testing.T) {
	_, _ = cluster(t, harness.H100.Whole("node", 1, 8))
	g := live(t, "--nominate=false")
	client := g.client(t)
	if status, _ := g.call(t, client, http.MethodPost, "/scheduler/filter", []byte("{}")); status != http.StatusBadRequest {
		t.Errorf("with a certificate: %d", status)
	}
	client.Transport.(*http.Transport).TLSClientConfig.Certificates = nil
	client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+g.extender+"/scheduler/filter", strings.NewReader("{}"))
	must(t, err)
	response, err := client.Do(request)
	if err == nil {
		response.Body.Close()
		t.Errorf("without a certificate: %d", response.StatusCode)
	}
}
