// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"

	"slicegate.dev/tests/e2e/harness"
)

const (
	// What is resident moves by some hundred KiB from one cycle to the next, since the allocator keeps what was freed, and
	// goes on growing by less and less after the warm-up while what is in use does not (heap profiles say so): 3 MiB from the
	// 30th cycle to the 76th. What is lost in each cycle goes beyond that: in the thousand cycles of an hour 4 KiB a cycle,
	// 23 bytes a pod.
	mostGrowthKiB = 4096
	// Connections stand or have just ended, some more or less.
	mostMoreFiles = 8
	// Of the warm-up: the allocator has pools for each thread, which are filled one after another.
	fewestCycles = 50
)

// sample is taken when the cluster is as it was at all others.
type sample struct{ kib, files int }

func take(server *harness.Live) (sample, error) {
	kib, err := server.Resident()
	if err != nil {
		return sample{}, err
	}
	files, err := server.Files()
	return sample{kib, files}, err
}

func median(samples []sample, of func(sample) int) int {
	var all []int
	for _, s := range samples {
		all = append(all, of(s))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// judge compares what was after a tenth of the cycles, or after the fewest, with what was at the end: each the median of as
// many as a tenth.
func judge(all []sample) (string, error) {
	tenth := (len(all) + 9) / 10
	warm := max(tenth, fewestCycles)
	if len(all) < 2*warm {
		return "", fmt.Errorf("there were only %d cycles, at least %d are needed: let it run for longer", len(all), 2*warm)
	}
	early, late := all[warm:warm+tenth], all[len(all)-tenth:]
	kib := func(s sample) int { return s.kib }
	files := func(s sample) int { return s.files }
	text := fmt.Sprintf("resident after %d cycles %d KiB, at the end %d KiB; open files %d and %d",
		warm, median(early, kib), median(late, kib), median(early, files), median(late, files))
	if more := median(late, kib) - median(early, kib); more > mostGrowthKiB {
		return text, fmt.Errorf("%d KiB more are resident, at most %d are allowed", more, mostGrowthKiB)
	}
	if more := median(late, files) - median(early, files); more > mostMoreFiles {
		return text, fmt.Errorf("%d more files are open, at most %d are allowed", more, mostMoreFiles)
	}
	return text, nil
}
