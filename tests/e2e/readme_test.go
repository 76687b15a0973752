// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The kubectl examples of README.md and docs/ print what they say they print. "..." stands for any text.
func TestDocumentedKubectlExamples(t *testing.T) {
	sharedGate(t)
	t.Chdir(filepath.Join("..", "..")) // where a reader stands
	documents, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	// The examples name this one themselves; some other test may have made it.
	if out := kubectl(t, "create", "namespace", "research-vision"); out.Code != 0 && !strings.Contains(out.Stderr, "already exists") {
		t.Fatal(out)
	}
	block := regexp.MustCompile("(?ms)^```console\n\\$ kubectl (apply [^\n]*)\n(.*?)^```")
	examples := 0
	for _, document := range append(documents, "README.md") {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, example := range block.FindAllStringSubmatch(string(text), -1) {
			examples++
			args := strings.Fields(example[1])
			out := kubectl(t, args...)
			var pattern strings.Builder
			for i, part := range strings.Split(strings.TrimSpace(example[2]), "...") {
				if i > 0 {
					pattern.WriteString("(?s:.*)")
				}
				pattern.WriteString(regexp.QuoteMeta(part))
			}
			if have := strings.TrimSpace(out.Stdout + out.Stderr); !regexp.MustCompile("^" + pattern.String() + "$").MatchString(have) {
				t.Errorf("%s says of kubectl %s:\n%s\nbut it prints:\n%s", document, example[1], example[2], have)
			}
		}
	}
	if examples == 0 {
		t.Error("there is no example")
	}
}
