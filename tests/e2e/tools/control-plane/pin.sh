#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Rewrites go.mod and go.sum for another Kubernetes version:  pin.sh v1.36.3
# Kubernetes keeps its libraries in folders of its own module; outside it each one has to be replaced by the
# release of the same number. The list is read from Kubernetes' own go.mod, as is the etcd version.
set -eu

version=${1:?usage: pin.sh KUBERNETES_VERSION}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd "$here"
export GOTOOLCHAIN=local GOWORK=off GOFLAGS=-mod=mod

upstream=$(cd / && go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/^[[:space:]]*"GoMod": "\(.*\)",$/\1/p')
libraries=v0.${version#v1.}
etcd=$(sed -n 's|^[[:space:]]*go.etcd.io/etcd/server/v3 \(v[^ ]*\).*|\1|p' "$upstream")
go=$(sed -n 's/^go //p' "$upstream")

{
    cat <<EOF
// The real control plane that the end-to-end suite runs against, pinned by go.sum. ../build.sh builds the
// tools named here. Versions and the list of replacements are written by pin.sh.
module slicegate.dev/tests/e2e/tools/control-plane

go $go

tool (
	go.etcd.io/etcd/server/v3
	k8s.io/kubernetes/cmd/kube-apiserver
	k8s.io/kubernetes/cmd/kube-controller-manager
	k8s.io/kubernetes/cmd/kube-proxy
	k8s.io/kubernetes/cmd/kube-scheduler
	k8s.io/kubernetes/cmd/kubectl
	k8s.io/kubernetes/cmd/kubelet
)

require (
	go.etcd.io/etcd/server/v3 $etcd
	k8s.io/kubernetes $version
)

replace (
EOF
    sed -n "s|^[[:space:]]*\(k8s.io/[a-z-]*\) => ./staging/.*|	\1 => \1 $libraries|p" "$upstream"
    echo ')'
} >go.mod.new
mv go.mod.new go.mod
go mod tidy
