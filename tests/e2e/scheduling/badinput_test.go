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
		"no JSON":           {"POST", "filter", "what?", 400, `verb="filter",result="malformed"`},
		"cut":               {"POST", "filter", `{"Pod":` + good + `,"NodeNames":["node-0`, 400, `verb="filter",result="malformed"`},
		"empty":             {"POST", "filter", "", 400, `verb="filter",result="malformed"`},
		"an array":          {"POST", "prioritize", "[]", 400, `verb="prioritize",result="malformed"`},
		"both null":         {"POST", "filter", `{"Pod":` + good + `,"Nodes":null,"NodeNames":null}`, 400, `verb="filter",result="malformed"`},
		"both null, ranked": {"POST", "prioritize", `{"Pod":` + good + `}`, 400, `verb="prioritize",result="malformed"`},
		"no pod":            {"POST", "filter", `{"Pod":null,` + names + `}`, 400, `verb="filter",result="malformed"`},
		"a pod without uid": {"POST", "filter", `{"Pod":{"metadata":{"name":"a"}},` + names + `}`, 400, `verb="filter",result="malformed"`},
		"names are numbers": {"POST", "filter", `{"Pod":` + good + `,"NodeNames":[1,2]}`, 400, `verb="filter",result="malformed"`},
		"deep":              {"POST", "filter", `{"Pod":` + strings.Repeat("[", 100000) + `}`, 400, `verb="filter",result="malformed"`},
		"too many GPUs":     {"POST", "filter", `{"Pod":` + pod(gpus(1000)) + `,` + names + `}`, 0, `verb="filter",result="refused"`},
		"bind, no JSON":     {"POST", "bind", "{", 400, `verb="bind",result="malformed"`},
		"bind, unknown pod": {"POST", "bind", `{"PodName":"nobody","PodNamespace":"` + namespace + `","PodUID":"no-uid","Node":"node-0"}`, 0,
			`verb="bind",result="unknown_pod"`},
		"no namespace": {"POST", "filter", `{"Pod":{"metadata":{"name":"a","uid":"u"}},` + names + `}`, 400, `verb="filter",result="malformed"`},
		"preempt without uid": {"POST", "preempt", `{"Pod":{"metadata":{"name":"a","namespace":"b"}},"NodeNameToMetaVictims":{}}`, 400,
			`verb="preempt",result="malformed"`},
		"a uid that is a number": {"POST", "filter", `{"Pod":{"metadata":{"name":"a","namespace":"b","uid":7}},` + names + `}`, 400,
			`verb="filter",result="malformed"`},
		"a uid of 5 MB": {"POST", "filter", `{"Pod":{"metadata":{"name":"a","namespace":"b","uid":"` + strings.Repeat("u", 5<<20) + `"}},` + names + `}`, 400,
			`verb="filter",result="malformed"`},
		"preempt, both null": {"POST", "preempt", `{"Pod":` + good + `}`, 400, `verb="preempt",result="malformed"`},
		"preempt, no JSON":   {"POST", "preempt", "\x00\x01", 400, `verb="preempt",result="malformed"`},
		"GET":                {"GET", "filter", "", 405, ""},
		"PUT":                {"PUT", "filter", "{}", 405, ""},
		"another path":       {"POST", "elsewhere", "{}", 404, ""},
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

// A pod with an amount that no API server lets through, or that no node will ever have, is answered with an error that
// names the field and says what to write; nothing is held for it, and what is held for another pod of its uid stays.
func TestAbsurdAmountsHoldNothing(t *testing.T) {
	namespace, _ := cluster(t, harness.H100.Whole("node", 2, 8), cards("card", 1, 2))
	g := live(t, "--nominate=false")
	client := g.client(t)
	pod := func(resource, amount string) string {
		text, err := json.Marshal(harness.PodShape{Namespace: namespace, Name: "absurd", Requests: map[string]string{resource: amount}}.Object("absurd"))
		must(t, err)
		return string(text)
	}
	const gpu, names = "nvidia.com/gpu", `"NodeNames":["node-0","node-1","card-0"]`
	if status, text := g.call(t, client, http.MethodPost, "/scheduler/filter", []byte(`{"Pod":`+pod(gpu, "1")+`,`+names+`}`)); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	g.waitMetric(t, "slicegate_holds{", `"tentative"`, 1)
	for _, bad := range []struct{ resource, amount, path, advice string }{
		{gpu, "-1", "Pod.spec.containers[0].resources", "write 0 or more"},
		{gpu, "abc", "Pod.spec.containers[0].resources", "write a whole number"},
		{gpu, "", "Pod.spec.containers[0].resources", "write a whole number"},
		{gpu, "1e30", "Pod.spec.containers[0].resources", "write how many"},
		{gpu, "9223372036854775808", "Pod.spec.containers[0].resources", "write how many"},
		{gpu, "0.5", "Pod.spec.containers[0].resources", "write a whole number"},
		{gpu, "70000", "Pod.spec.containers[*].resources.requests", "write at most 65535"},
		{"nvidia.com/mig-1g.10gb", "-7", "Pod.spec.containers[0].resources", "write 0 or more"},
		{milli, "1500", "Pod.spec.containers[*].resources.requests", "from 1 to 999"},
		{"cpu", "-1", "Pod.spec.containers[0].resources", "write 0 or more"},
	} {
		for _, verb := range []string{"filter", "prioritize", "preempt"} {
			before := g.held(t)
			counter := `verb="` + verb + `",result="absurd"`
			counted := g.metric(t, "slicegate_extender_requests_total", counter)
			body, status := `{"Pod":`+pod(bad.resource, bad.amount)+`,`+names+`}`, http.StatusBadRequest
			if verb == "filter" {
				status = http.StatusOK
			} else if verb == "preempt" {
				body = `{"Pod":` + pod(bad.resource, bad.amount) + `,"NodeNameToMetaVictims":{"node-0":{"Pods":[]}}}`
			}
			got, text := g.call(t, client, http.MethodPost, "/scheduler/"+verb, []byte(body))
			said := struct{ Error string }{}
			must(t, json.Unmarshal([]byte(text), &said))
			if verb != "filter" {
				said.Error = text
			}
			if got != status || !strings.Contains(said.Error, bad.path) || !strings.Contains(said.Error, bad.resource) || !strings.Contains(said.Error, bad.advice) {
				t.Errorf("%s of %s %q: %d %s", verb, bad.resource, bad.amount, got, text)
			}
			if verb == "filter" && !strings.Contains(text, `"NodeNames":[]`) {
				t.Errorf("%s %q passes: %s", bad.resource, bad.amount, text)
			}
			if after := g.metric(t, "slicegate_extender_requests_total", counter); after != counted+1 {
				t.Errorf("%s of %q: counted %v times", verb, bad.amount, after-counted)
			}
			if after := g.held(t); after != before {
				t.Errorf("%s of %s %q: was %s, is %s", verb, bad.resource, bad.amount, before, after)
			}
		}
	}
	// What only we cannot judge passes as before, and holds nothing.
	for resource, amount := range map[string]string{"nvidia.com/gpumem": "3000", "example.com/thing": "0"} {
		status, text := g.call(t, client, http.MethodPost, "/scheduler/filter", []byte(`{"Pod":`+strings.Replace(pod(resource, amount), "absurd", "fair", -1)+`,`+names+`}`))
		if status != http.StatusOK || !strings.Contains(text, `"Error":""`) || !strings.Contains(text, `"node-0"`) {
			t.Errorf("%s: %d %s", resource, status, text)
		}
	}
}

// HAMi's plugin gives out the card of the pod that holds the node's lock: a Binding by us would take it from that pod.
// So bind says that it cannot, writes nothing and holds nothing, and nobody is advised to go there.
func TestHAMiBindsItsOwn(t *testing.T) {
	hami := harness.NodeShape{
		Count: 1, Prefix: "hami", Allocatable: gpus(20), Labels: map[string]string{"nvidia.com/gpu.product": harness.T4.Product},
		Annotations: map[string]string{"hami.io/node-nvidia-register": "GPU-1,10,15360,100,NVIDIA-Tesla T4,0,true:GPU-2,10,15360,100,NVIDIA-Tesla T4,0,true:"},
	}
	namespace, _ := cluster(t, hami, harness.H100.Whole("node", 1, 2))
	g := live(t, "--nominate=false")
	client := g.client(t)
	share := one(namespace, "share", "nvidia.com/gpu", 1)
	share.Requests["nvidia.com/gpumem"] = "3000"
	must(t, suite.Plane.CreatePods(t.Context(), one(namespace, "plain", "nvidia.com/gpu", 1), share))
	g.waitMetric(t, "slicegate_state_objects", `"Pod"`, 2)
	const counter = `verb="bind",result="not_ours"`
	bind := func(name, node string) string {
		t.Helper()
		pod, err := suite.Plane.Pod(t.Context(), namespace, name)
		must(t, err)
		status, text := g.call(t, client, http.MethodPost, "/scheduler/bind",
			fmt.Appendf(nil, `{"PodName":%q,"PodNamespace":%q,"PodUID":%q,"Node":%q}`, name, namespace, pod.Metadata.UID, node))
		if status != http.StatusOK {
			t.Errorf("%d %s", status, text)
		}
		return text
	}
	before := g.held(t)
	for i, call := range []struct{ name, node string }{{"plain", "hami-0"}, {"share", "hami-0"}, {"share", "node-0"}} {
		if text := bind(call.name, call.node); !strings.Contains(text, "cannot bind") || !strings.Contains(text, "hami-scheduler") {
			t.Errorf("%v: %s", call, text)
		}
		if counted := g.metric(t, "slicegate_extender_requests_total", counter); counted != float64(i+1) {
			t.Errorf("%v: %v are counted", call, counted)
		}
		if pod, err := suite.Plane.Pod(t.Context(), namespace, call.name); err != nil || pod.Spec.NodeName != "" {
			t.Errorf("%v: the pod is on %q, %v", call, pod.Spec.NodeName, err)
		}
	}
	if after := g.held(t); after != before {
		t.Errorf("was %s, is %s", before, after)
	}
	if answer := g.filter(t, client, one(namespace, "plain", "nvidia.com/gpu", 4), "other", []string{"hami-0", "node-0"}); len(answer.NodeNames) != 1 ||
		answer.NodeNames[0] != "hami-0" {
		t.Errorf("four: %+v", answer)
	}
	if text := bind("plain", "node-0"); text != `{"Error":""}` {
		t.Error(text)
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
