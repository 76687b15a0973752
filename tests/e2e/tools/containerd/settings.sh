# SPDX-License-Identifier: Apache-2.0
# Sourced by ../build.sh. The snapshotters that are left out need headers or tools that a node of the suite does without.
# shellcheck shell=sh disable=SC2034,SC2154
version=$(sed -n 's|^.*github.com/containerd/containerd/v2 \(v[^ ]*\).*|\1|p' "$module/go.mod")
flags='-tags=no_btrfs,no_devmapper,no_zfs'
ldflags="-s -w -X github.com/containerd/containerd/v2/version.Version=$version"
