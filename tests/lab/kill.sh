#!/usr/bin/env bash
# Kills a part, for a test of what is lost then; up.sh brings it back with its data on its ports.
#
# usage: kill.sh PART [SIGNAL]      (PART: as in up.sh; SIGNAL: KILL; or TERM; or STOP and CONT for one that hangs)
set -euo pipefail
# shellcheck source=tests/lab/lab.sh
. "$(dirname "${BASH_SOURCE[0]}")/lab.sh"

(($# == 1 || $# == 2)) || fail 'usage: kill.sh PART [SIGNAL]'
names=$(parts "$1")
signal=${2:-KILL}
mapfile -t ids < <(for part in $names; do processes "$part"; done)
((${#ids[@]} > 0)) || fail "$1 is not up"
kill -s "$signal" "${ids[@]}"
case $signal in
STOP | CONT) ;;
*) await "$STOP_LIMIT" ended "${ids[@]}" || fail "$1 did not end within $STOP_LIMIT s" ;;
esac
say "$1: $signal"
