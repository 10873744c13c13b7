#!/usr/bin/env bash
# Random programs on random designs with random memory behaviour: the golden model against the
# simulated Verilog. Arguments go to `npugen fuzz`, for instance: --programs 1000 --seed 1
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
exec target/release/npugen fuzz --quick-build "$@"
