#!/usr/bin/env bash
# Ends the lab's parts, and nothing else. Their data and ports stay.
#
# usage: down.sh [PART ...]      (PART: as in up.sh; none: all)
set -euo pipefail
# shellcheck source=tests/lab/lab.sh
. "$(dirname "${BASH_SOURCE[0]}")/lab.sh"

end() { # PART
  local was="not up"
  if runs "$1"; then
    stop "$1"
    rm -f "$run/$1/pid"
    was=ended
  fi
  if [[ $1 == containerd ]] && node_left; then
    node_clear
    was="ended, with all containers"
  fi
  say "$1: $was"
}

# turn_of PART: one that others need ends after them.
turn_of() {
  case $1 in
  etcd) printf 3 ;;
  kube-apiserver | containerd) printf 2 ;;
  *) printf 1 ;;
  esac
}

(($# > 0)) || set -- "${ALL_PARTS[@]}"
names=$(parts "$@")
status=0
for turn in 1 2 3; do
  ending=()
  for part in $names; do
    [[ $(turn_of "$part") == "$turn" ]] || continue
    locked "$part" end "$part" &
    ending+=($!)
  done
  wait_all "${ending[@]}" || status=1
done
((status == 0))
