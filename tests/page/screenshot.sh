#!/usr/bin/env bash
# Makes the picture of the live page that README.md shows, from a ward that runs.
#
# usage: screenshot.sh BINARY OUT.png
set -euo pipefail

readonly LIMIT=300 MOST_BYTES=300000
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$root/tests/lib.sh"
. "$here/lib.sh"

(($# == 2)) || fail 'usage: screenshot.sh BINARY OUT.png'
export BPMONITOR
BPMONITOR=$(binary "$1")
out=$(readlink -f "$2")
get_browser
need pngquant pngquant
get_packages
in_scratch

limited "$LIMIT" node "$here/screenshot.mjs" "$scratch/page.png"
pngquant --strip --speed 1 --output "$scratch/small.png" 128 "$scratch/page.png"
bytes=$(stat -c %s "$scratch/small.png")
((bytes <= MOST_BYTES)) || fail "$bytes bytes are more than $MOST_BYTES"
install -m 644 "$scratch/small.png" "$out"
say "$out: $bytes bytes"
