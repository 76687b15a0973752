// SPDX-License-Identifier: Apache-2.0

// Livesoak lets a slicegate work on a real control plane for long, with its extender, its Bindings, the nominator and Events,
// while watches are lost now and then, and ends with 1 when its memory or its open files grow. SLICEGATE and
// SLICEGATE_CONTROL_PLANE are those of run.sh: use program.sh.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

// runner is what a suite runs instead of tests.
type runner struct {
	duration time.Duration
	nodes    int
	suite    *harness.Suite
}

func (r *runner) Run() int {
	if err := r.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "livesoak:", err)
		return 1
	}
	return 0
}

func main() {
	r := &runner{}
	seconds := flag.Int("seconds", 3600, "how long, warm-up and all; a hundred cycles, which may take ten minutes, are needed at least")
	flag.IntVar(&r.nodes, "nodes", 20, "simulated nodes of 8 GPUs")
	flag.Parse()
	if flag.NArg() > 0 || *seconds < 60 || r.nodes < 2 {
		flag.Usage()
		os.Exit(2)
	}
	r.duration = time.Duration(*seconds) * time.Second
	os.Exit(harness.RunSuite(r, harness.SuiteOptions{
		Plane: harness.PlaneOptions{APIServer: []string{"--event-ttl=5m"}}, // else etcd grows by all Events of an hour
		Prepare: func(_ context.Context, s *harness.Suite) error {
			r.suite = s
			return nil
		},
	}))
}
