#!/usr/bin/env bash
# Ends the lab's parts, and nothing else. Their data and ports stay.
#
# usage: down.sh [PART ...]      (PART: kafka, elasticsearch, elasticsearch-secure; none: all)
set -euo pipefail
# shellcheck source=tests/lab/lab.sh
. "$(dirname "${BASH_SOURCE[0]}")/lab.sh"

end() { # PART
  if gone "$1"; then
    say "$1: not up"
    return
  fi
  stop "$1"
  rm -f "$run/$1/pid"
  say "$1: ended"
}

names=$(parts "$@")
ending=()
for part in $names; do
  locked "$part" end "$part" &
  ending+=($!)
done
wait_all "${ending[@]}"
