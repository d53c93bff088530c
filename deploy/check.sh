#!/usr/bin/env bash
# Checks what is written here for tools of others, with these tools: the chart's README is that of its values, and kind takes its configuration.
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

kind_takes() { # FILE
  cd "$root/deploy/kind/config" && GOTOOLCHAIN=auto GOWORK=off CGO_ENABLED=0 go run . "$1"
}

need_go
readme_is_current || fail "charts/bp-monitor/README.md is not that of its values: run make chart"
(kind_takes "$root/kind-config.yaml") || fail "kind does not take kind-config.yaml"
say "chart and kind-config.yaml: sound"
