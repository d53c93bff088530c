#!/usr/bin/env bash
# The live page in a real browser: checks its types, then runs the tests of this directory against wards of their own.
#
# usage: run.sh [BINARY]      (BINARY: target/debug/bpmonitor under the repository's root)
#
# Gets Debian's Chromium, Node and npm where they are missing and that can be done. What a failing test looked like is put below
# target/page-failures. TESTS="numbers filters" runs these only.
set -euo pipefail

readonly LIMIT=600
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$root/tests/lib.sh"
. "$here/lib.sh"

export BPMONITOR
BPMONITOR=$(binary "${1:-$root/target/debug/bpmonitor}")
get_browser
get_packages
in_scratch

cd "$here"
quietly "$scratch/types.log" npm run --silent types
rm -rf "$root/target/page-failures"
files=(all.mjs)
if [[ -n ${TESTS:-} ]]; then
  read -ra names <<<"$TESTS"
  files=("${names[@]/%/.test.mjs}")
fi
limited "$LIMIT" node --test --test-concurrency=1 --test-reporter=./report.mjs --test-reporter-destination=stdout "${files[@]}"
