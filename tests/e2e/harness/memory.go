// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"fmt"
	"os"
	"strings"
)

// Resident is how much memory of the process is resident, in KiB.
func (p *Process) Resident() (int, error) {
	path := fmt.Sprintf("/proc/%d/status", p.Pid())
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		var kib int
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
			return kib, nil
		}
	}
	return 0, fmt.Errorf("%s does not tell what is resident", path)
}

// Files is how many files and connections the process has open.
func (p *Process) Files() (int, error) {
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.Pid()))
	return len(open), err
}
