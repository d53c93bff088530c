#!/usr/bin/env bash
# Runs a command with the lab up, and takes the lab down again where it was not up before.
#
# usage: with-lab.sh COMMAND ...
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
data=$(realpath -m "${LAB_DATA:-$here/../target/lab}")

if ! pgrep -f -- "-Dbpmonitor.lab=$data/" >/dev/null; then
  trap '"$here/lab/down.sh"' EXIT
fi
"$here/lab/up.sh"
"$@"
