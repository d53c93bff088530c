#!/usr/bin/env bash
# Validates simulated Observations of several locales and mixes against FHIR R4's blood pressure profile.
#
# usage: simulated.sh BPMONITOR
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bpmonitor=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# simulate LOCALE MIX: a few Observations of such a ward.
simulate() {
  printf '{apiVersion: bpmonitor.dev/v1alpha1, kind: BpMonitor, metadata: {name: ward}, spec: {patients: {count: 30, locale: %s, mix: %s}}}' \
    "$1" "$2" >"$scratch/ward.yaml"
  "$bpmonitor" simulate -f "$scratch/ward.yaml" --start 2026-01-01T00:00:00Z --count 100
}

for locale in de en es fr it nl pt; do
  simulate "$locale" '{}'
  simulate "$locale" '{normal: 0, crisis: 50, hypotension: 50}'
done >"$scratch/observations.ndjson"
"$here/run.sh" <"$scratch/observations.ndjson"
