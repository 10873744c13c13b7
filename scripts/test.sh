#!/usr/bin/env bash
# Installs what is missing, then runs every check: format, lints, Rust tests, comparisons with
# numpy and onnxruntime, RTL lint, RTL benches and proofs. Planted bugs (scripts/mutants.sh) and random programs (scripts/regress.sh) are campaigns
# of their own. Goes on after a failure and ends in one line that counts tests.
set -uo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh || exit 1

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
passed=0
failed=0

# step NAME COMMAND...: one check that either holds or does not.
step() {
    local name=$1
    shift
    echo "== $name" >&2
    if "$@"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "== $name: FAILED" >&2
    fi
}

# suite NAME PATTERN COMMAND...: a test runner whose last lines count its tests.
suite() {
    local name=$1
    shift
    echo "== $name" >&2
    "$@" 2>&1 | tee "$logs/$name" >&2
    local status=${PIPESTATUS[0]}
    local good bad
    good=$(grep -oE '[0-9]+ passed' "$logs/$name" | tail -n 1 | cut -d' ' -f1)
    bad=$(grep -oE '[0-9]+ failed' "$logs/$name" | tail -n 1 | cut -d' ' -f1)
    passed=$((passed + ${good:-0}))
    failed=$((failed + ${bad:-0}))
    if [ "$status" -ne 0 ] && [ "${bad:-0}" -eq 0 ]; then failed=$((failed + 1)); fi
    if [ "$status" -eq 0 ] && [ "${good:-0}" -eq 0 ]; then
        echo "== $name: ran no test" >&2
        failed=$((failed + 1))
    fi
}

rust_tests=(cargo test --quiet)
if cargo nextest --version >/dev/null 2>&1; then
    rust_tests=(cargo nextest run --no-fail-fast --status-level fail --final-status-level fail)
fi

step format cargo fmt --check
step clippy cargo clippy --quiet --all-targets -- -D warnings
suite rust "${rust_tests[@]}"
step walkthrough scripts/check_walkthrough.sh
step 'FPGA kits' scripts/check_kits.sh
suite python .venv/bin/python -m pytest -q python
suite rtl .venv/bin/python -m pytest -q -n "$(nproc)" rtl-tests/unit rtl-tests/formal

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
