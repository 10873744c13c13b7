#!/bin/sh
# Lints the Verilog of all configurations, eleven awkward shapes and 30 random designs, and every
# module alone as top, with Verilator and Icarus. Any message is a failure.
set -eu
cd "$(dirname "$0")/.."
CI=1 NPUGEN_SLOW=1 cargo test --test lint -- --nocapture --test-threads 1
