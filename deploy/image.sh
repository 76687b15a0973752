#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds an image with buildah and writes it as an archive:  image.sh DOCKERFILE FOLDER NAME:TAG ARCHIVE
# FOLDER is what the Dockerfile copies from. Neither an engine nor a registry is needed, and nothing is left outside
# build/. The same input makes the same archive, byte for byte: times are those of SOURCE_DATE_EPOCH, or of the last commit.
set -eu

usage='usage: image.sh DOCKERFILE FOLDER NAME:TAG ARCHIVE'
dockerfile=${1:?$usage} folder=${2:?$usage} name=${3:?$usage} archive=${4:?$usage}

command -v buildah >/dev/null || {
  echo "image: buildah is not installed (make deps)" >&2
  exit 1
}
time=${SOURCE_DATE_EPOCH:-$(git -C "$(dirname -- "$0")" log -1 --format=%ct 2>/dev/null || echo 0)}

mkdir -p build
work=$(mktemp -d "$PWD/build/buildah.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
with="--storage-driver vfs --root $work/storage --runroot $work/run"

# shellcheck disable=SC2086 # words
buildah $with build --quiet --isolation chroot --timestamp "$time" -f "$dockerfile" -t "$name" "$folder" >/dev/null
rm -f "$archive"
# shellcheck disable=SC2086
buildah $with push --quiet "$name" "docker-archive:$archive:$name"
