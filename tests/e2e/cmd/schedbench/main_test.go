// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
	"time"
)

// Small measurements of two modes with the pods there first add up; the second round begins with the other mode.
func TestMeasuresAddUp(t *testing.T) {
	var out bytes.Buffer
	f := flags{nodes: 10, pods: 40, rounds: 2, modes: []string{aloneDefault, aloneAll}, before: true, limit: time.Minute}
	if err := run(t.Context(), f, &out); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", &out)
	lines := json.NewDecoder(&out)
	for i, mode := range []string{aloneDefault, aloneAll, aloneAll, aloneDefault} {
		var r result
		if err := lines.Decode(&r); err != nil {
			t.Fatal(err)
		}
		if r.Mode != mode || r.Round != i/2+1 || r.Nodes != 10 || r.Pods != 40 || r.Create != "before" || r.NodesUsed < 2 || r.NodesUsed > 10 {
			t.Errorf("this is not what was asked for: %+v", r)
		}
		if r.Seconds < r.BindingSeconds || r.BindingSeconds <= 0 || r.PodsPerSecond <= 0 || r.BoundPodsPerSecond < r.PodsPerSecond {
			t.Errorf("these times do not fit together: %+v", r)
		}
		if r.CPUSeconds["kube-scheduler"] <= 0 || r.CPUSeconds["kube-apiserver"] <= 0 {
			t.Errorf("both have worked: %+v", r.CPUSeconds)
		}
	}
	if err := lines.Decode(new(result)); err != io.EOF {
		t.Errorf("there is more: %v", err)
	}
}
