#!/usr/bin/env bash
# bp-monitor's classifier; runs until SIGTERM. ../../README.md says which variables there are. Beside those: PROGRAM, which is
# bpmonitor-classifier or bpmonitor-six, and COMPRESSION, the archive's (none, so that lines can be counted as they are).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[[ -s $OUT.key ]] || openssl rand -hex 32 >"$OUT.key"
exec "$PROGRAMS/$PROGRAM" -f "$here/ward.yaml" \
  --bootstrap-servers "$KAFKA" --kafka-insecure --topic "$TOPIC" --rejected-topic bench-rejected --group "$GROUP" \
  --elasticsearch-url "$ES" --elasticsearch-insecure --index "$INDEX-000001" --alias "$INDEX" \
  --archive "$OUT" --archive-compression "${COMPRESSION:-none}" --pseudonym-key-file "$OUT.key" --listen 127.0.0.1:0
