#!/usr/bin/env bash
# Checks what is written here for tools of others: images are built of all that they need, the chart's README is that of its values, and
# kind takes its configuration.
#
# usage: check.sh
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tests/lib.sh
. "$root/tests/lib.sh"

readme_is_current() {
  local copy status=0
  copy=$(mktemp -d)
  cp -r "$root/charts/bp-monitor" "$copy"
  "$root/deploy/values-docs.sh" "$copy"
  ! grep '|  |$' "$copy/bp-monitor/README.md" || { say "these values say nothing of themselves in values.yaml" && status=1; }
  diff -u "$root/charts/bp-monitor/README.md" "$copy/bp-monitor/README.md" || status=1
  rm -r "$copy"
  return "$status"
}

# members_are_sent: cargo, in an image's build, finds each member of the workspace.
members_are_sent() {
  local member status=0
  while read -r member; do
    grep -qxE "!(${member%%/*}|$member)" "$root/.dockerignore" || grep -qx "!$member/src" "$root/.dockerignore" ||
      { say ".dockerignore leaves out $member" && status=1; }
  done < <(sed -n '/^members = \[/,/^\]/s/^ *"\(.*\)",$/\1/p' "$root/Cargo.toml")
  return "$status"
}

kind_takes() { # FILE
  cd "$root/deploy/kind/config" && GOTOOLCHAIN=auto GOWORK=off CGO_ENABLED=0 go run . "$1"
}

members_are_sent || fail "an image could not be compiled: name every member of the workspace in .dockerignore"
need_go
readme_is_current || fail "charts/bp-monitor/README.md is not that of its values: run make chart"
(kind_takes "$root/kind-config.yaml") || fail "kind does not take kind-config.yaml"
say "images, chart and kind-config.yaml: sound"
