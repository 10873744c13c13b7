#!/usr/bin/env bash
# Compares npugen's requantization and residual addition with onnxruntime, byte by byte, on ten
# million elements each: scripts/check_numerics.sh [--elements N] [--seed S]
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
exec .venv/bin/python python/reference.py "$@"
