#!/usr/bin/env bash
# Writes the README of the chart, or of a copy of it, of values.yaml: by helm-docs, which is got and built the first time.
#
# usage: values-docs.sh [DIRECTORY-OF-CHARTS]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tests/lib.sh
. "$root/tests/lib.sh"

charts=$(realpath "${1:-$root/charts}")
need_go
cd "$root/charts/tools"
export GOTOOLCHAIN=auto GOWORK=off CGO_ENABLED=0
go tool helm-docs --chart-search-root "$charts" --sort-values-order file --template-files README.md.gotmpl --log-level warning
