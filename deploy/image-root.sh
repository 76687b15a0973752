#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Lays out what is in the image:  image-root.sh PATH_TO_SLICEGATE FOLDER
# The libraries are those that the dynamic linker finds here, at the paths where it looks for them there.
set -eu

binary=${1:?usage: image-root.sh PATH_TO_SLICEGATE FOLDER}
root=${2:?usage: image-root.sh PATH_TO_SLICEGATE FOLDER}

rm -rf "$root"
install -D -m 0755 "$binary" "$root/usr/bin/slicegate"

if ldd "$binary" | grep 'not found' >&2; then
  echo "image: libraries are missing" >&2
  exit 1
fi
# "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x...)" and "/lib64/ld-linux-x86-64.so.2 (0x...)"
libraries=$(ldd "$binary" | sed -n 's|^.*[[:space:]]\(/[^ ]*\) (0x[0-9a-f]*)$|\1|p' | sort -u)
[ -n "$libraries" ] || {
  echo "image: $binary names no libraries; is it for this machine?" >&2
  exit 1
}
for library in $libraries; do
  install -D -m 0755 "$library" "$root$library"
  # Where /lib is a link to /usr/lib, a package may know its files by either name.
  package=$(dpkg-query -S "$library" 2>/dev/null || dpkg-query -S "$(readlink -f "$library")" 2>/dev/null ||
    dpkg-query -S "/usr$library" 2>/dev/null || dpkg-query -S "$(readlink -f "$library" | sed 's|^/usr||')") || {
    echo "image: no package owns $library: its licence is not known" >&2
    exit 1
  }
  package=${package%%:*}
  install -D -m 0644 "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/copyright"
done
