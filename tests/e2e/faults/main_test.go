// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"os"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

var suite *harness.Suite

func TestMain(m *testing.M) {
	os.Exit(harness.RunSuite(m, harness.SuiteOptions{Prepare: func(_ context.Context, s *harness.Suite) error {
		suite = s
		return nil
	}}))
}
