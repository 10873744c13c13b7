#!/usr/bin/env bash
# Checks kits of `npugen fpga` without Vivado and AWS: lint with Verilator and slang, form of the
# scripts, a dry run from the sources to the archive, the arguments for AWS's command line. Where
# aws-fpga's hdk_setup.sh was sourced, ports and files are compared with the real kit's.
# Usage: scripts/fpga_check.sh DIR...
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

fail() {
    echo "fpga_check: $*" >&2
    exit 1
}

[ $# -gt 0 ] || fail "usage: scripts/fpga_check.sh DIR..."
for tool in shellcheck tclsh verilator; do
    command -v "$tool" >/dev/null || fail "$tool is missing: apt-get install ${tool/tclsh/tcl}"
done
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

python=$root/.venv/bin/python
"$python" -c 'import awscli, pyslang' 2>/dev/null ||
    fail "pyslang and awscli are missing: run scripts/setup.sh"

for kit in "$@"; do
    [ -f "$kit/manifest.json" ] || fail "$kit is not an output of npugen fpga"
    for script in "$kit"/*.sh; do
        bash -n "$script"
        shellcheck "$script"
    done
    mkdir -p "$scratch/common"
    : >"$scratch/common/cl_common_defines.vh"
    verilator --lint-only -Wall --top-module cl_sim_top \
        -I"$kit/sim" -I"$kit/cl_npu/design" -I"$scratch/common" \
        -y "$kit/cl_npu/design" -y "$kit/sim" +libext+.sv+.v "$kit/sim/cl_sim_top.sv"
    "$python" "$root/fpga/check/dry_run.py" "$kit"
    echo "fpga_check: $kit: good"
done
