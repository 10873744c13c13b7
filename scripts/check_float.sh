#!/usr/bin/env bash
# Compares every binary32 function of the vector lanes, and the fused multiply-add of the residual
# addition, with the processor's arithmetic on a hundred million operands each, besides all pairs of
# corner values: scripts/check_float.sh [COUNT [SEED]]. Takes about ten minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
exec .venv/bin/python rtl-tests/unit/npu_vector/check_float.py "$@"
