// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// A short run of what `make fault` does at length: every fault at least once. SEED repeats one.
func TestNothingIsGivenTwice(t *testing.T) {
	seed := uint64(time.Now().UnixNano() % 1_000_000)
	if text := os.Getenv("SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	report, err := Run(t.Context(), suite, Options{
		Pods: 500, Seed: seed, Replicas: 1, Short: true, RBAC: "../scheduling/testdata/slicegate-rbac.yaml", Progress: os.Stdout,
	})
	t.Log(report)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Findings) > 0 {
		t.Error("something was given that must not be")
	}
	// A run in which little happens would prove little.
	if report.Bound < 250 || report.Again == 0 || report.Withdrawn == 0 {
		t.Errorf("too little has happened")
	}
	for _, fault := range faults {
		if report.Faults[fault.name] == 0 {
			t.Errorf("never happened: %s", fault.name)
		}
	}
}
