#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the examples of README.md and docs/*.md as a reader would, from a copy of the
# repository's examples with slicegate on the PATH:
#
#   ```console          each "$ command" is run, its output (both streams) compared with
#   $ command           the lines below it; a line "..." stands for any number of lines,
#   output              "..." inside a line for any text; "# exit 1" as last line: exit code
#   ```
#   ```yaml             with `kind: GPUPolicy` or `kind: GPUPolicyTest`: must be accepted
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
slicegate=${1:?usage: run.sh PATH_TO_SLICEGATE}
slicegate=$(cd "$(dirname "$slicegate")" && pwd)/$(basename "$slicegate")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/bin" "$work/repo/deploy"
ln -s "$slicegate" "$work/bin/slicegate"
ln -s "$slicegate" "$work/bin/kubectl-slicegate"
cp -R "$root/deploy/examples" "$work/repo/deploy/examples"
mkdir "$work/repo/tests"
ln -s "$root/tests/data" "$work/repo/tests/data"
PATH=$work/bin:$PATH
export PATH

# Splits the blocks of one document into numbered files: N.cmd, N.want, N.where or N.yaml.
split='
  function flush() { if (have) { close(want); have = 0 } }
  /^```/ {
    if (inside != "") { flush(); if (inside == "yaml") close(yaml); inside = ""; next }
    inside = substr($0, 4); sub(/[[:space:]].*/, "", inside)
    if (inside == "yaml") { n++; yaml = sprintf("%s/%04d.yaml", out, n)
      printf "%s:%d\n", doc, FNR > (sprintf("%s/%04d.where", out, n)); printf "" > yaml }
    if (inside == "") inside = "plain"
    next
  }
  inside == "yaml" { print > yaml; next }
  inside != "console" { next }
  /^\$ / {
    flush(); n++; have = 1
    cmd = sprintf("%s/%04d.cmd", out, n); want = sprintf("%s/%04d.want", out, n)
    print substr($0, 3) > cmd; printf "" > want
    where = sprintf("%s/%04d.where", out, n); printf "%s:%d\n", doc, FNR > where; close(where)
    more = ($0 ~ /\\$/); if (!more) close(cmd)
    next
  }
  more { line = $0; sub(/^> /, "", line); print line > cmd; more = ($0 ~ /\\$/); if (!more) close(cmd); next }
  have { print > want }
'

# Exit 0 when the lines of the first file (with "...") match those of the second.
compare='
  function like(pattern, text,   parts, count, i, at) {
    if (index(pattern, "...") == 0) return pattern == text
    count = split(pattern, parts, /\.\.\./)
    if (index(text, parts[1]) != 1) return 0
    text = substr(text, length(parts[1]) + 1)
    for (i = 2; i < count; i++) {
      at = index(text, parts[i]); if (!at) return 0
      text = substr(text, at + length(parts[i]))
    }
    at = length(text) - length(parts[count])
    return at >= 0 && substr(text, at + 1) == parts[count]
  }
  function match_from(w, h) {
    while (w <= wants) {
      if (want[w] == "...") {
        if (w == wants) return 1
        for (; h <= haves + 1; h++) if (match_from(w + 1, h)) return 1
        return 0
      }
      if (h > haves || !like(want[w], have[h])) return 0
      w++; h++
    }
    return h > haves
  }
  FILENAME == ARGV[1] { want[++wants] = $0; next }
  { have[++haves] = $0 }
  END { exit !match_from(1, 1) }
'

failed=0
passed=0
for doc in "$root/README.md" "$root"/docs/*.md; do
  name=${doc#"$root"/}
  blocks=$work/$(echo "$name" | tr '/' '_')
  mkdir -p "$blocks"
  awk -v out="$blocks" -v doc="$name" "$split" "$doc"
  for where in "$blocks"/*.where; do
    [ -e "$where" ] || continue
    base=${where%.where}
    # kubectl's examples are run by the end-to-end suite, which has a kube-apiserver.
    if [ -e "$base.cmd" ] && grep -q '^kubectl apply' "$base.cmd"; then
      continue
    fi
    if [ -e "$base.yaml" ]; then
      if grep -q '^kind: GPUPolicy$' "$base.yaml"; then
        (cd "$work/repo" && slicegate policy explain --policy "$base.yaml") >"$base.have" 2>&1 || {
          echo "$(cat "$where"): this policy is not accepted:"; sed 's/^/  /' "$base.have"; failed=$((failed + 1)); continue; }
        passed=$((passed + 1))
      fi
      continue
    fi
    want_code=$(sed -n 's/^# exit \([0-9][0-9]*\)$/\1/p' "$base.want")
    sed -i '/^# exit [0-9][0-9]*$/d' "$base.want"
    code=0
    (cd "$work/repo" && ROOT=$root sh "$base.cmd") >"$base.have" 2>&1 </dev/null || code=$?
    if [ "$code" != "${want_code:-0}" ]; then
      echo "$(cat "$where"): exit code $code, the text says ${want_code:-0}"
      sed 's/^/  /' "$base.have"
      failed=$((failed + 1))
    elif ! awk "$compare" "$base.want" "$base.have"; then
      echo "$(cat "$where"): \`$(cat "$base.cmd")\` prints something else than the text says:"
      diff -u "$base.want" "$base.have" | tail -n +3 | sed 's/^/  /'
      failed=$((failed + 1))
    else
      passed=$((passed + 1))
    fi
  done
done

# The example manifests are what their folders say, with the recorded cluster beside them.
cd "$root/deploy/examples"
for example in refused/* warned/* accepted/*; do
  case $example in
    refused/*) want="1 1" ;;
    warned/*) want="0 1" ;;
    *) want="0 0" ;;
  esac
  plain=0 strict=0
  slicegate check --cluster cluster.json "$example" >"$work/example" 2>&1 || plain=$?
  slicegate check --strict --cluster cluster.json "$example" >/dev/null 2>&1 || strict=$?
  if [ "$plain $strict" = "$want" ]; then
    passed=$((passed + 1))
  else
    echo "deploy/examples/$example: exit codes $plain and (--strict) $strict, not $want:"
    sed 's/^/  /' "$work/example"
    failed=$((failed + 1))
  fi
done

# make demo is an example too; its own checks fail it.
if sh "$root/deploy/demo/demo.sh" "$slicegate" >"$work/demo" 2>&1; then
  passed=$((passed + 1))
else
  echo "make demo failed:"; cat "$work/demo"; failed=$((failed + 1))
fi

echo "docs: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
