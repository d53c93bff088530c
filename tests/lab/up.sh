#!/usr/bin/env bash
# Brings the lab's parts up: gets them, sets them up, starts those that are not up, and waits until each answers.
#
# usage: up.sh [PART ...]      (PART: kafka, elasticsearch, elasticsearch-secure, kubernetes; or node, and kubernetes with it; none: all but node)
#
# See README.md beside this. Writes the addresses to target/lab/env.
set -euo pipefail
# shellcheck source=tests/lab/lab.sh
. "$(dirname "${BASH_SOURCE[0]}")/lab.sh"

serves() { "$(kind_of "$1")_serves" "$1"; }
# settled PART: what belongs in it once it serves is there; settle PART: puts it there.
settled() {
  case $1 in
  kube-apiserver) crds_applied ;;
  containerd) node_imported ;;
  kube-proxy) node_has_addons ;;
  esac
}
settle() {
  settled "$1" || case $1 in
  kube-apiserver) crds_apply ;;
  containerd) node_import ;;
  kube-proxy) node_await_addons ;;
  esac
}
# current PART: what runs is of the version that is wanted, and has the heap that is asked for where one is.
current() {
  [[ -f $run/$1/dist && $(<"$run/$1/dist") == "$(dist_of "$1")" ]] || return 1
  local heap id
  heap=$("$(kind_of "$1")_asked_heap" "$1")
  [[ -n $heap ]] || return 0
  for id in $(processes "$1"); do
    ! grep -qszxF -- "-Xmx$heap" "/proc/$id/cmdline" || return 0
  done
  return 1
}
serves_or_gone() { serves "$1" || gone "$1"; }

# Elasticsearch puts no index on a disk with less room than its low watermark: whoever writes would wait, and not know why.
room_or_warn() {
  local free
  free=$(df --output=avail -m "$lab" | tail -n 1)
  ((free >= 2000)) || say "only $free MB are free for $lab: Elasticsearch stops at 200, so make room"
}

free_or_fail() { # PART
  local name port
  while IFS='=' read -r name port; do
    [[ $name =~ ^port_${1//-/_}(_mtls|_scram|_controller|_transport|_peer|_health|_metrics)?$ ]] || continue
    await 5 port_free "$port" || fail "$1: something else listens on its port $port: end that, or remove $run for a new lab"
  done <"$run/ports"
}

# resume PART: whether what runs already can stay. It runs on if a test has left it stopped, and is waited for if it is starting.
resume() {
  local ids
  mapfile -t ids < <(processes "$1")
  ((${#ids[@]} > 0)) || return 1
  if ! current "$1"; then
    say "$1: runs with another version or heap: starting it again"
    return 1
  fi
  signal CONT "${ids[@]}"
  await "$START_LIMIT" serves_or_gone "$1" || say "$1: runs, but does not answer: starting it again"
  serves "$1"
}

launch() { # PART
  local kind target started=$SECONDS
  kind=$(kind_of "$1")
  target=$(dist_of "$1")
  free_or_fail "$1"
  mkdir -p "$run/$1"
  "${kind}_prepare" "$1" "$target"
  printf '%s\n' "$target" >"$run/$1/dist"
  if ! "${kind}_start" "$1" "$target" || ! await "$START_LIMIT" serves_or_gone "$1" || gone "$1"; then
    tail -n 30 "$("${kind}_log" "$1")" >&2
    fail "$1: did not start: see above, and below $run/$1"
  fi
  say "$1: up, in $((SECONDS - started)) s"
}

start() { # PART
  if resume "$1"; then
    say "$1: up"
  else
    stop "$1"
    launch "$1"
  fi
  processes "$1" >"$run/$1/pid"
  settle "$1"
}

up() { # PART
  if current "$1" && serves "$1" && settled "$1"; then
    say "$1: up already"
    return
  fi
  fetch "$1"
  locked "$1" start "$1" &
  starting+=($!)
}

write_env() {
  local part
  (
    flock 9
    for part in "${PARTS[@]}"; do
      [[ ! -f $run/$part/dist ]] || "$(kind_of "$part")_env" "$part"
    done >"$lab/env.unfinished"
    mv "$lab/env.unfinished" "$lab/env"
  ) 9>"$lab/env.lock"
}

need openssl openssl curl curl setpriv util-linux
(($# > 0)) || set -- "${PARTS[@]}"
[[ " $* " != *' node '* ]] || set -- kubernetes "$@"
names=$(parts "$@")
choose_ports
room_or_warn
# shellcheck source=/dev/null
. "$run/ports"
starting=()
for part in $names; do
  up "$part"
done
status=0
wait_all "${starting[@]}" || status=1
write_env
((status == 0)) || exit 1
say "addresses: $lab/env; tools: $run/bin; data, configuration and logs: $run/PART"
