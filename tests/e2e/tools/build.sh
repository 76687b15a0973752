#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the programs that one of the modules next to this script pins, and prints the folder they are in:
# build.sh control-plane. The folder is in a cache, and its name carries the hash of everything that decides what is in
# it; one that is there already is used as it stands. Who comes while another run builds it waits for that run.
#
# A module is a folder with a go.mod of "tool" lines and its go.sum, so that the dependencies of one are not those of
# another; it may hold sources of its own. Its settings.sh, if there is one, is sourced here; it may set
#   flags    further flags of go build, as words: no value can hold a blank
#   ldflags  the linker's flags
#   effort   what a first build costs, for who waits
# and define finish, which is run in the folder after the build. $module is where the module is.
# The suite gets the folders from environment.sh, where every module that it needs has a line.
#
# Exit codes: 0 the folder is complete, 1 the build failed, 2 there is no such module, 3 there is no Go 1.26 or newer.
set -eu

tools=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=${SLICEGATE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slicegate}
name=${1:?usage: build.sh MODULE}
module=$tools/$name

say() { printf '%s\n' "e2e: $*" >&2; }

if [ ! -f "$module/go.mod" ] || [ ! -f "$module/go.sum" ]; then
    say "$module is no module with a go.mod and a go.sum"
    exit 2
fi

# Both are passed on by the environment, so that no setting of the machine decides what is built.
export GOTOOLCHAIN=local GOWORK=off CGO_ENABLED=0
export GOFLAGS='-mod=readonly -buildvcs=false'
unset GOOS GOARCH GOEXPERIMENT

go_version=none
if command -v go >/dev/null 2>&1; then
    go_version=$(cd / && go env GOVERSION 2>/dev/null) || go_version=unknown
fi
case $go_version in
go1.2[6-9]* | go1.[3-9][0-9]* | go[2-9]* | devel*) ;;
*)
    say "what the end-to-end suite runs against is built from source and needs Go 1.26 or newer; found: $go_version"
    say "install it from https://go.dev/dl/ and put its bin folder on the PATH"
    exit 3
    ;;
esac

flags='' ldflags='-s -w' effort='three minutes'
finish() { :; }
settings=/dev/null
if [ -f "$module/settings.sh" ]; then
    settings=$module/settings.sh
    # shellcheck source=/dev/null
    . "$settings"
fi

key=$({
    cat "$module/go.mod" "$module/go.sum" "$settings"
    find "$module" -name '*.go' | LC_ALL=C sort | xargs -r cat
    printf '%s\n' "$GOFLAGS $CGO_ENABLED $flags $ldflags"
} |
    sha256sum | cut -c1-16)
folder=$cache/$name-$key

if [ -d "$folder" ]; then
    printf '%s\n' "$folder"
    exit 0
fi

mkdir -p "$cache"
exec 9>"$folder.lock"
if ! flock --nonblock 9; then
    say "another run is building $folder; waiting for it"
    flock 9
fi
if [ ! -d "$folder" ]; then
    say "building $name with $go_version into $folder"
    say "this happens once; on two cores it takes about $effort"
    temp=$folder.building
    rm -rf "$temp" # of a run that was killed
    trap 'rm -rf "$temp"' EXIT
    trap 'exit 130' INT TERM
    mkdir "$temp"
    chmod 755 "$temp"
    # shellcheck disable=SC2086 # the flags are words
    (cd "$module" && go build -trimpath $flags -ldflags "$ldflags" -o "$temp/" tool) >&2
    (cd "$temp" && finish) >&2
    mv -T "$temp" "$folder" # appears whole or not at all
    say "$name built"
fi
rm -f "$folder.lock"
printf '%s\n' "$folder"
