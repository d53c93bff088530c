#!/usr/bin/env bash
# Tools of single tests: libfaketime, with which a test lets the clock jump.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need faketime faketime
