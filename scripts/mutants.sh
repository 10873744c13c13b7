#!/usr/bin/env bash
# Plants every bug of rtl-tests/mutants in turn and demands that its test catches it. Takes about a
# quarter of an hour; arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
exec .venv/bin/python -m pytest -q rtl-tests/mutants "$@"
