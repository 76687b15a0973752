// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const pollInterval = 20 * time.Millisecond

type permanentError struct{ error }

func (p permanentError) Unwrap() error { return p.error }

// Permanent marks an error after which polling is pointless.
func Permanent(err error) error { return permanentError{err} }

// Poll calls try until it returns nil, an error marked Permanent, or the deadline of ctx passes. The error tells what
// was waited for and what was wrong at the last try.
func Poll(ctx context.Context, what string, try func() error) error {
	start := time.Now()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		if _, ok := errors.AsType[permanentError](err); ok {
			return fmt.Errorf("waiting for %s: %w", what, err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("waited %s for %s: %w; the last try: %w", time.Since(start).Round(time.Millisecond), what, ctx.Err(), err)
		}
	}
}
