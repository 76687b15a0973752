// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// CPUOf is the time that a process has spent so far, in user and kernel mode together.
func CPUOf(pid int) (time.Duration, error) {
	path := fmt.Sprintf("/proc/%d/stat", pid)
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	// The name in the second field is in brackets and may hold blanks. What follows begins with the third field.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const user, kernel = 14 - 3, 15 - 3
	if len(fields) <= kernel {
		return 0, fmt.Errorf("%s is not understood: %q", path, text)
	}
	return ticks(path, fields[user], fields[kernel])
}

// CPUOfMachine is the time that all processors together were not idle.
func CPUOfMachine() (time.Duration, error) {
	const path = "/proc/stat"
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line) // cpu user nice system idle iowait irq softirq steal ...
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, fmt.Errorf("%s is not understood: %q", path, line)
	}
	return ticks(path, append(fields[1:4:4], fields[6:9]...)...)
}

// ticks sums up numbers in the unit of the kernel's statistics, which is 10 ms wherever Go runs on Linux.
func ticks(path string, fields ...string) (time.Duration, error) {
	var sum int64
	for _, field := range fields {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		sum += n
	}
	return time.Duration(sum) * 10 * time.Millisecond, nil
}
