#!/usr/bin/env bash
# Installs what the tests need and what is missing: Verilator, Icarus Verilog, a C++ compiler,
# shellcheck and Tcl from the system's packages, the Python tools (pinned) into .venv.
# Safe to run again.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=()
command -v verilator >/dev/null || packages+=(verilator)
command -v iverilog >/dev/null || packages+=(iverilog)
command -v g++ >/dev/null || packages+=(g++)
command -v make >/dev/null || packages+=(make)
command -v shellcheck >/dev/null || packages+=(shellcheck)
command -v tclsh >/dev/null || packages+=(tcl)
command -v python3 >/dev/null || packages+=(python3)
python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
if ((${#packages[@]})); then
    echo "setup: installing ${packages[*]}" >&2
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq "${packages[@]}" >&2
fi

stamp=.venv/requirements.installed
if ! cmp -s scripts/requirements.txt "$stamp"; then
    echo "setup: installing the Python tools into .venv" >&2
    python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check -r scripts/requirements.txt >&2
    cp scripts/requirements.txt "$stamp"
fi
