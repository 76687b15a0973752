// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"sync"
	"sync/atomic"
)

// writers is how many requests of a bulk are in flight. kube-apiserver on a small machine answers no more at once.
const writers = 24

// Parallel calls do with 0 to count-1 and returns the first error. After one, what has not begun is left out.
func Parallel(ctx context.Context, count int, do func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(writers, count) {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= count {
					return
				}
				if err := do(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}
