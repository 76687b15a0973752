// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Suite is what the tests of one package share: a control plane of their own.
type Suite struct {
	Plane     *ControlPlane
	Slicegate *Slicegate
	Dir       string // state and logs of everything; kept if a test fails
}

// SuiteOptions say what a package needs.
type SuiteOptions struct {
	Plane   PlaneOptions
	Prepare func(ctx context.Context, s *Suite) error // before the first test
	Finish  func(ctx context.Context) error           // after the last
}

// RunSuite starts a control plane, runs the tests of a package, and leaves nothing behind. It returns the exit code.
func RunSuite(tests interface{ Run() int }, options SuiteOptions) (code int) {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	binary, controlPlane := os.Getenv("SLICEGATE"), os.Getenv("SLICEGATE_CONTROL_PLANE")
	if binary == "" || controlPlane == "" {
		return fail(errors.New("SLICEGATE (the binary) and SLICEGATE_CONTROL_PLANE (what tools/build.sh control-plane prints) " +
			"must be set: use tests/e2e/run.sh"))
	}
	dir, err := TempDir()
	if err != nil {
		return fail(err)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()

	defer func() {
		if code == 0 {
			os.RemoveAll(dir)
		} else {
			fmt.Fprintln(os.Stderr, "e2e: failed; all logs are kept in", dir)
		}
	}()

	start := time.Now()
	s := &Suite{Dir: dir}
	if s.Plane, err = StartControlPlane(ctx, controlPlane, dir, options.Plane); err != nil {
		return fail(err)
	}
	defer s.Plane.Stop()
	fmt.Printf("e2e: the control plane is ready after %s\n", time.Since(start).Round(time.Millisecond))

	if s.Slicegate, err = InstallSlicegate(binary, dir); err != nil {
		return fail(err)
	}
	if options.Prepare != nil {
		if err := options.Prepare(ctx, s); err != nil {
			return fail(err)
		}
	}

	// A test cannot be interrupted from here; its processes can.
	finished := make(chan struct{})
	defer close(finished)
	go func() {
		select {
		case <-finished:
		case <-ctx.Done():
			fmt.Fprintln(os.Stderr, "e2e: interrupted")
			s.Plane.Stop()
			os.RemoveAll(dir)
			os.Exit(130)
		}
	}()

	if code = tests.Run(); code != 0 {
		fmt.Fprint(os.Stderr, s.Plane.Tails(15))
	}
	if options.Finish != nil {
		if err := options.Finish(ctx); err != nil {
			return fail(err)
		}
	}
	return code
}
