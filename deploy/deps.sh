#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that are missing; does nothing, and needs nobody's rights,
# when all of them are there.
set -eu

packages="gcc libc6-dev make pkg-config
  libmicrohttpd-dev libgnutls28-dev libjansson-dev libyaml-dev libssl-dev
  libcurl4-openssl-dev check
  curl ca-certificates git
  clang clang-format clang-tidy libclang-rt-14-dev shellcheck jq
  buildah runc nftables containernetworking-plugins iproute2 conntrack"

missing=""
for package in $packages; do
  status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

run=""
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || {
    echo "deps: these packages are missing, and neither root nor sudo is at hand:$missing" >&2
    exit 1
  }
  run="sudo"
fi
echo "deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
$run apt-get update -q >/dev/null
# shellcheck disable=SC2086 # a list of words
$run env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >/dev/null
