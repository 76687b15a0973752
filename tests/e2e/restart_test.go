// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

// A new process takes over the port and the old one ends, again and again, and no call fails.
func TestRestartFailsNoCall(t *testing.T) {
	gate := ownGate(t)
	stream := startStream(t, 8)
	stream.flow(t, 100)
	for range 5 {
		if err := gate.Replace(t.Context()); err != nil {
			t.Fatal(err)
		}
		stream.flow(t, 100) // the old process is gone: the new one answers
	}
	stream.stop(t)
}

// The certificate changes under the server, and neither kube-apiserver nor a new connection notices.
func TestCertificateChangeFailsNoCall(t *testing.T) {
	gate := ownGate(t)
	stream := startStream(t, 8)
	stream.flow(t, 100)
	serial, err := gate.Server.LeafSerial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := suite.slicegate.RenewCertificate(t.Context(), gate.Certs); err != nil {
			t.Fatal(err)
		}
		old := serial
		eventually(t, "the new certificate", func() error {
			if serial, err = gate.Server.LeafSerial(t.Context()); err != nil {
				return harness.Permanent(fmt.Errorf("a connection fails: %w", err))
			}
			if serial == old {
				return errors.New("the old one is still shown")
			}
			return nil
		})
		// More callers at once make kube-apiserver open more connections, which see the new certificate.
		burst := startStream(t, 24)
		burst.flow(t, 200)
		burst.stop(t)
		stream.flow(t, 100)
	}
	stream.stop(t)
	if gate.Server.Exited() {
		t.Error("the server did not live through it")
	}
}

// stream is a number of callers who ask kube-apiserver, without a pause, for dry runs that slicegate decides: one is
// to be admitted and changed, one to be refused.
type stream struct {
	answered atomic.Int64
	cancel   context.CancelFunc
	callers  sync.WaitGroup

	mutex    sync.Mutex
	failures []string
}

func startStream(t *testing.T, callers int) *stream {
	t.Helper()
	namespace := newNamespace(t)
	ctx, cancel := context.WithCancel(t.Context())
	s := &stream{cancel: cancel}
	for i := range callers {
		s.callers.Go(func() {
			for call := i; ctx.Err() == nil; call++ {
				s.call(ctx, namespace, call%2 == 0)
			}
		})
	}
	t.Cleanup(func() { cancel(); s.callers.Wait() })
	return s
}

func (s *stream) call(ctx context.Context, namespace string, admitted bool) {
	labels := map[string]any{"app": "stream"}
	if admitted {
		labels["slicegate.dev/team"] = "platform"
	}
	answer, err := suite.plane.API.DryRunPod(ctx, namespace, map[string]any{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"name": "stream", "labels": labels},
		"spec": map[string]any{"activeDeadlineSeconds": 3600, "containers": []any{map[string]any{
			"name": "main", "image": "registry.example/platform/stream:1",
			"resources": map[string]any{"limits": map[string]any{"nvidia.com/gpu": "1"}},
		}}},
	})
	switch message := answer.Message(); {
	case err != nil:
		if ctx.Err() == nil {
			s.fail(err.Error())
		}
	case admitted && (answer.Status != http.StatusCreated || !strings.Contains(message, `"key":"nvidia.com/gpu"`)):
		s.fail(fmt.Sprintf("%d instead of an admitted pod with a toleration: %.600s", answer.Status, message))
	case !admitted && (!strings.Contains(message, "denied the request") || !strings.Contains(message, "budget-labels")):
		s.fail(fmt.Sprintf("%d instead of a refusal: %.600s", answer.Status, message))
	}
	s.answered.Add(1)
}

func (s *stream) fail(what string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.failures = append(s.failures, what)
}

// flow waits until so many more calls have been answered.
func (s *stream) flow(t *testing.T, more int64) {
	t.Helper()
	target := s.answered.Load() + more
	eventually(t, fmt.Sprintf("%d more answers", more), func() error {
		if now := s.answered.Load(); now < target {
			return fmt.Errorf("%d are missing", target-now)
		}
		return nil
	})
}

// stop ends the calls and counts what failed.
func (s *stream) stop(t *testing.T) {
	t.Helper()
	s.cancel()
	s.callers.Wait()
	if n := len(s.failures); n > 0 {
		t.Errorf("%d of %d calls failed; the first: %s", n, s.answered.Load(), s.failures[0])
	}
	t.Logf("%d calls, %d failed", s.answered.Load(), len(s.failures))
}
