// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// What is measured.
const (
	readySeconds = iota
	readyCPU
	residentMiB
	idleShare
	busyShare
	changesPerSecond
	refillMedian
	refill95
	refillMost
	figures
)

var names = [figures]string{
	readySeconds: "s until ready", readyCPU: "s of CPU until then", residentMiB: "MiB resident then",
	idleShare: "% of a core while nothing happens", busyShare: "% of a core while pods change", changesPerSecond: "changes a second then",
	refillMedian: "ms from a deletion to the next binding, median", refill95: "ms, p95 of them", refillMost: "ms, the longest",
}

// result is one measurement.
type result [figures]float64

func (r result) String() string {
	var parts []string
	for i, name := range names {
		parts = append(parts, fmt.Sprintf("%.3g %s", r[i], name))
	}
	return strings.Join(parts, ", ")
}

// summary is a line for each figure.
func summary(results []result) (text string) {
	for i, name := range names {
		var all []float64
		for _, r := range results {
			all = append(all, r[i])
		}
		slices.Sort(all)
		n := len(all)
		text += fmt.Sprintf("  %8.3g (%.3g to %.3g) %s\n", (all[(n-1)/2]+all[n/2])/2, all[0], all[n-1], name)
	}
	return text
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
