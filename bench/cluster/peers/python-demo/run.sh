#!/usr/bin/env bash
# Runs until SIGTERM; ../../README.md says which variables there are.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$OUT"
sed -e "s/\"fhir_observations\"\]/\"$TOPIC\"]/" -e "s/es_index = .*/es_index = \"$INDEX\"/" -e "s/'anomaly-detection-group'/'$GROUP'/" \
  "$here/anomalies_traitement.py" >"$OUT.anomalies.py"
cd "$OUT"
exec "$VENV/bin/python" "$OUT.anomalies.py"
