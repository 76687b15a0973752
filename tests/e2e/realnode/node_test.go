// SPDX-License-Identifier: Apache-2.0

//go:build realnode

package realnode

import "testing"

func TestX(t *testing.T) {
	out, err := node.Kubectl(t.Context(), "get", "nodes,pods,svc", "-A", "-o", "wide")
	t.Log(out, err)
}
