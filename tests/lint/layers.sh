#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks every #include of src/ and include/ against layers.txt: the modules that a
# module may use, and the one owner of each foreign library.
set -eu
cd "$(dirname "$0")/../.."

git ls-files -co --exclude-standard 'src/*.[ch]' 'include/slicegate/*.h' | while read -r file; do
  case $file in
    include/*) module=$(basename "$file" .h) ;;
    *) module=${file#src/}; module=${module%%/*} ;;
  esac
  sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*\([<"][^>"]*[>"]\).*/\1/p' "$file" |
    sed "s|^|$file $module |"
done | awk '
  FILENAME == ARGV[1] {
    if ($0 ~ /^#/ || NF == 0) next
    module = $1
    known[module] = 1
    allowed[module, module] = 1
    foreign = 0
    for (i = 2; i <= NF; i++) {
      if ($i == "-") continue
      if ($i in modules) { allowed[module, $i] = 1; continue }
      library[module, $i] = 1
      libraries[$i] = 1
    }
    modules[module] = 1
    next
  }
  {
    file = $1; module = $2; header = substr($3, 2, length($3) - 2)
    if (!(module in known)) { print file ": module \"" module "\" is not in tests/lint/layers.txt"; bad = 1; next }
    if (header ~ /^slicegate\//) {
      used = header; sub(/^slicegate\//, "", used); sub(/\.h$/, "", used)
      if (!((module, used) in allowed)) { print file ": " module " must not use " used " (<" header ">)"; bad = 1 }
      next
    }
    if (header ~ /^src\// && index(header, "src/" module "/") != 1) {
      print file ": includes a private header of another module (" header ")"; bad = 1; next
    }
    for (lib in libraries) {
      if (header ~ "^" lib "(\\.h$|/)" && !((module, lib) in library)) {
        print file ": " lib " belongs to another module (<" header ">)"; bad = 1
      }
    }
  }
  END { exit bad }
' tests/lint/layers.txt -
