// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

const (
	// What is resident moves by some hundred KiB from one cycle to the next, since the allocator keeps what was freed, and
	// what fills within a set bound, such as what is remembered of Events, goes on filling after the warm-up. What is lost
	// in each cycle goes beyond this: 4 MiB are 7 KiB a cycle in the 600 cycles of an hour, 20 bytes a pod.
	mostGrowthKiB = 4096
	// Connections stand or have just ended, some more or less.
	mostMoreFiles = 8
	fewestSamples = 6
)

// sample is taken when the cluster is as it was at all others.
type sample struct {
	at    time.Duration // since the start
	kib   int
	files int
}

func take(server *harness.Live, start time.Time) (sample, error) {
	kib, err := server.Resident()
	if err != nil {
		return sample{}, err
	}
	files, err := server.Files()
	return sample{time.Since(start), kib, files}, err
}

// between is those from one time to another.
func between(all []sample, from, to time.Duration) (found []sample) {
	for _, s := range all {
		if s.at >= from && s.at < to {
			found = append(found, s)
		}
	}
	return found
}

func median(samples []sample, of func(sample) int) int {
	var all []int
	for _, s := range samples {
		all = append(all, of(s))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// judge compares what was after a tenth of the time with what was in the last tenth, each as the median of a tenth.
func judge(all []sample) (string, error) {
	if len(all) < fewestSamples {
		return "", fmt.Errorf("there are only %d samples", len(all))
	}
	length := all[len(all)-1].at
	early, late := between(all, length/10, length/5), between(all, length*9/10, length+1)
	if len(early) == 0 || len(late) == 0 {
		return "", fmt.Errorf("there is no sample in a tenth of %s", length)
	}
	kib := func(s sample) int { return s.kib }
	files := func(s sample) int { return s.files }
	text := fmt.Sprintf("resident after a tenth of the time %d KiB, at the end %d KiB; open files %d and %d; %d and %d samples",
		median(early, kib), median(late, kib), median(early, files), median(late, files), len(early), len(late))
	if more := median(late, kib) - median(early, kib); more > mostGrowthKiB {
		return text, fmt.Errorf("%d KiB more are resident, at most %d are allowed", more, mostGrowthKiB)
	}
	if more := median(late, files) - median(early, files); more > mostMoreFiles {
		return text, fmt.Errorf("%d more files are open, at most %d are allowed", more, mostMoreFiles)
	}
	return text, nil
}
