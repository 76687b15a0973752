package scheduling

import (
	"testing"

	"slicegate.dev/tests/e2e/harness"
)

func debugCard(t *testing.T, watch *harness.PodWatch) {
	sum := map[string]int{}
	for _, r := range watch.Records() {
		sum[r.Spec.NodeName+"/"+r.Metadata.Annotations["slicegate.dev/devices"]]++
	}
	for _, r := range watch.Records() {
		key := r.Spec.NodeName + "/" + r.Metadata.Annotations["slicegate.dev/devices"]
		if sum[key] > 4 {
			t.Log("CARD", key, r.Metadata.Name, r.Bound.Format("15:04:05.000"), r.Nominations)
		}
	}
}
