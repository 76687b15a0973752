// SPDX-License-Identifier: Apache-2.0

// Faulttest shows that no card is given twice: it runs pods through a real kube-scheduler that does not count cards, while
// kube-scheduler and slicegate are killed and their connections fail, and prints what happened. It ends with 1 unless all
// went as it must. SLICEGATE and SLICEGATE_CONTROL_PLANE are those of run.sh: use program.sh.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"

	"slicegate.dev/tests/e2e/faults"
	"slicegate.dev/tests/e2e/harness"
)

// runner is what a suite runs instead of tests.
type runner struct {
	options faults.Options
	suite   *harness.Suite
}

func (r *runner) Run() int {
	fmt.Printf("seed %d\n", r.options.Seed)
	report, err := faults.Run(context.Background(), r.suite, r.options)
	fmt.Println(report)
	if err != nil {
		fmt.Fprintln(os.Stderr, "faulttest:", err)
	}
	if err != nil || len(report.Findings) > 0 || report.Created < r.options.Pods {
		return 1
	}
	return 0
}

func main() {
	r := &runner{options: faults.Options{Progress: os.Stdout, RBAC: "scheduling/testdata/slicegate-rbac.yaml"}}
	flag.IntVar(&r.options.Pods, "pods", 20000, "pods to make at least; a run ends after whole rounds of faults")
	flag.Uint64Var(&r.options.Seed, "seed", uint64(rand.Uint32()), "of what is made, and of the order of faults; default: any")
	flag.IntVar(&r.options.Replicas, "replicas", 1, "1, or 2 with a Lease")
	flag.Parse()
	if flag.NArg() > 0 || r.options.Pods < 1 || r.options.Replicas < 1 || r.options.Replicas > 2 {
		flag.Usage()
		os.Exit(2)
	}
	os.Exit(harness.RunSuite(r, harness.SuiteOptions{Prepare: func(_ context.Context, s *harness.Suite) error {
		r.suite = s
		return nil
	}}))
}
