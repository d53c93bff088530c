#!/usr/bin/env bash
# Ends at the end of the topic as it was at the start, unless EXIT_AT_END=0; ../../README.md says which variables there are.
# FLINK: where it was built.
set -euo pipefail
mkdir -p "$OUT"
exec java -Xms512m -Xmx1g -Dorg.slf4j.simpleLogger.defaultLogLevel=error \
  --add-opens=java.base/java.lang=ALL-UNNAMED --add-opens=java.base/java.util=ALL-UNNAMED --add-opens=java.base/java.time=ALL-UNNAMED \
  -cp "$FLINK/classes:$FLINK/lib/*" BpJob
