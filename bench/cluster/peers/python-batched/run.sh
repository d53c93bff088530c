#!/usr/bin/env bash
# Ends at the end of the topic as it was at the start, unless EXIT_AT_END=0; ../../README.md says which variables there are.
set -euo pipefail
exec "$VENV/bin/python" "$(dirname "${BASH_SOURCE[0]}")/pipeline.py"
