#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the control plane pinned in go.mod (etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubectl,
# and for a node kubelet and kube-proxy) into a cache folder and prints that folder. A folder that is there already is used as it stands: its
# name carries the hash of everything that decides what is in it.
#
# Exit codes: 0 the folder is complete, 1 the build failed, 3 there is no Go 1.26 or newer.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=${SLICEGATE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slicegate}

say() { printf '%s\n' "$*" >&2; }

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
    say "e2e: the control plane of the end-to-end suite is built from source and needs Go 1.26 or newer; found: $go_version"
    say "e2e: install it from https://go.dev/dl/ and put its bin folder on the PATH"
    exit 3
    ;;
esac

version=$(sed -n 's|^[[:space:]]*k8s.io/kubernetes \(v[^ ]*\).*|\1|p' "$here/go.mod")
minor=${version#v1.}
minor=${minor%%.*}
pkg=k8s.io/component-base/version
ldflags="-s -w -X $pkg.gitVersion=$version -X $pkg.gitMajor=1 -X $pkg.gitMinor=$minor"
ldflags="$ldflags -X $pkg.gitTreeState=clean"

key=$({ cat "$here/go.mod" "$here/go.sum"; printf '%s\n' "$GOFLAGS $CGO_ENABLED -trimpath $ldflags"; } | sha256sum | cut -c1-16)
folder=$cache/control-plane-$key

if [ -d "$folder" ]; then
    printf '%s\n' "$folder"
    exit 0
fi

say "e2e: building Kubernetes $version with $go_version into $folder"
say "e2e: this happens once; on two cores it takes about six minutes and 4 GiB of disk"
mkdir -p "$cache"
temp=$(mktemp -d "$cache/building.XXXXXX")
trap 'rm -rf "$temp"' EXIT
trap 'exit 130' INT TERM
chmod 755 "$temp"

(cd "$here" && go build -trimpath -ldflags "$ldflags" -o "$temp/" tool) >&2
mv "$temp/server" "$temp/etcd"

# The rename makes the folder appear whole or not at all. Where another run was faster, its folder is as good.
mv -T "$temp" "$folder" 2>/dev/null || [ -d "$folder" ]
say "e2e: control plane built"
printf '%s\n' "$folder"
