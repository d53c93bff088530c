# What the lab's own tests share: a check and what it prints, and the end of the lab they have made. To be sourced after lab.sh.
# shellcheck shell=bash disable=SC2154

readonly log=$lab/test.log

finish() {
  local status=$?
  [[ -z ${stranger:-} ]] || kill "$stranger" 2>/dev/null || true
  if ((status == 0)); then
    rm -rf "$lab"
  else
    "$here/down.sh" >/dev/null || true
    say "what ran is left below $lab" >&2
  fi
}
trap finish EXIT

# check WHAT COMMAND ...; refused WHAT PATTERN COMMAND ...: it fails, and what it says holds PATTERN.
check() {
  local what=$1
  shift
  "$@" >"$log" 2>&1 || failed "$what"
  say "ok: $what ($SECONDS s)"
}
refused() {
  local what=$1 pattern=$2
  shift 2
  ! "$@" >"$log" 2>&1 || failed "$what"
  grep -q "$pattern" "$log" || failed "$what"
  say "ok: $what ($SECONDS s)"
}
failed() {
  tail -n 20 "$log" >&2
  fail "not so: $1"
}

says() { [[ $("${@:2}") == *"$1"* ]]; } # TEXT COMMAND ...
value() { sed -n "s/^$1=//p" "$lab/env"; } # NAME: with BPMONITOR_TEST_
kubectl() { "$run/bin/kubectl" "$@"; }
