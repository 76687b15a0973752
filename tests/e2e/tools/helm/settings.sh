# SPDX-License-Identifier: Apache-2.0
# Sourced by ../build.sh. helm compares its version with what charts ask for.
# shellcheck shell=sh disable=SC2034,SC2154
version=$(sed -n 's|^.*helm.sh/helm/v4 \(v[^ ]*\).*|\1|p' "$module/go.mod")
ldflags="-s -w -X helm.sh/helm/v4/internal/version.version=$version"
effort='two minutes'
