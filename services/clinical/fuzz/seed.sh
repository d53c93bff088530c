#!/usr/bin/env bash
# Puts the repository's own test data into the fuzzer's corpus, one input a line or document.
#
# usage: seed.sh [DIR]     (DIR: corpus/read beside this script)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
data=$here/../../../tests/real-data/corpus
dir=${1:-$here/corpus/read}

mkdir -p "$dir"
split --lines=1 --suffix-length=4 "$data/tricky.ndjson" "$dir/tricky-"
cp "$data"/{bundle-pretty,mixed}.json "$dir"
