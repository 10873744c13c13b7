#!/usr/bin/env bash
# Plants every bug of rtl-tests/mutants in turn and demands that its test catches it; before that
# those of tests/units.rs, which random programs must find. Takes about a quarter of an hour;
# arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
cargo test --release --test units -- --ignored
exec .venv/bin/python -m pytest -q rtl-tests/mutants "$@"
