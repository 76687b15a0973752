# SPDX-License-Identifier: Apache-2.0
# Sourced by ../build.sh. Without its version a server calls itself v0.0.0-master, and kubectl takes that for an error.
# shellcheck shell=sh disable=SC2034,SC2154
version=$(sed -n 's|^[[:space:]]*k8s.io/kubernetes \(v[^ ]*\).*|\1|p' "$module/go.mod")
minor=${version#v1.}
minor=${minor%%.*}
package=k8s.io/component-base/version
ldflags="-s -w -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=$minor"
ldflags="$ldflags -X $package.gitTreeState=clean"
effort='six minutes and 4 GiB of disk'
finish() { mv server etcd; }
