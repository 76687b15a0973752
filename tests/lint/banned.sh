#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Calls that this project does not make, and effects that decision modules must not have.
set -eu
cd "$(dirname "$0")/../.."
bad=0

# complain PATTERN WHY FILES...
complain() {
  pattern=$1 why=$2
  shift 2
  # Strings and comment lines are not code.
  if awk -v pattern="$pattern" '
      /^[[:space:]]*(\/\/|\*|\/\*)/ { next }
      { code = $0; gsub(/"([^"\\]|\\.)*"/, "\"\"", code) }
      code ~ pattern { print FILENAME ":" FNR ": " $0; found = 1 }
      END { exit !found }' "$@" /dev/null; then
    echo "  ^ $why" >&2
    bad=1
  fi
}

list() {
  git ls-files -co --exclude-standard "$@"
}

# shellcheck disable=SC2046 # file names of this project have no spaces
complain '(^|[^[:alnum:]_])(strcpy|strcat|strncpy|strncat|sprintf|vsprintf|gets|atoi|atol|atoll|atof|strtok|alloca|rand|srand|system|popen|tmpnam|mktemp)[[:space:]]*\(' \
  'a banned call: use str, buf, i64_parse or their like' $(list 'src/*.[ch]' 'include/*.h' 'tests/*.[ch]')

# shellcheck disable=SC2046
complain '(^|[^[:alnum:]_>.])(time|clock|clock_gettime|gettimeofday|localtime|gmtime|printf|fprintf|puts|fopen|open|read|write|getenv|socket|pthread_[a-z_]+)[[:space:]]*\(' \
  'a decision module reads no clock, does no I/O, knows no threads' \
  $(list 'src/model/*.[ch]' 'src/policy/*.[ch]' 'src/admission/*.[ch]' 'src/wire/*.[ch]' 'src/doc/*.[ch]' \
    'src/packing/*.[ch]' 'src/pricing/*.[ch]' 'src/simulate/*.[ch]' 'src/extender/*.[ch]')

# shellcheck disable=SC2046
complain '(^|[^[:alnum:]_])(float|double)([^[:alnum:]_]|$)' 'no floating point in a decision' \
  $(list 'src/model/*.[ch]' 'src/policy/*.[ch]' 'src/admission/*.[ch]' 'src/packing/*.[ch]' 'src/extender/*.[ch]')

exit $bad
