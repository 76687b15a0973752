// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

// What grows within the warm-up, or moves up and down, is no leak; what grows all the time is one, of memory or of files.
func TestJudge(t *testing.T) {
	const cycles = 200
	for name, c := range map[string]struct {
		of   func(i int) sample
		want string
	}{
		"warm-up":       {func(i int) sample { return sample{kib: 20000 + min(i, 8)*1000 + i%3*500, files: 100 + i%7} }, ""},
		"memory leaks":  {func(i int) sample { return sample{kib: 20000 + i*40, files: 100} }, "KiB more are resident"},
		"files leak":    {func(i int) sample { return sample{kib: 20000, files: 100 + i/10} }, "more files are open"},
		"shrinks":       {func(i int) sample { return sample{kib: 30000 - i*50, files: 100} }, ""},
		"a short spike": {func(i int) sample { return sample{kib: 20000 + i/(cycles-1)*50000, files: 100} }, ""},
	} {
		var all []sample
		for i := range cycles {
			all = append(all, c.of(i))
		}
		text, err := judge(all)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if _, err := judge(make([]sample, 2*fewestCycles-1)); err == nil {
		t.Error("too few samples are enough")
	}
}
