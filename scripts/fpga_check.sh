#!/usr/bin/env bash
# Checks kits of `npugen fpga` without Vivado: lint of the custom logic as it is simulated, and the
# form of all scripts. Usage: scripts/fpga_check.sh DIR...
set -euo pipefail

fail() {
    echo "fpga_check: $*" >&2
    exit 1
}

[ $# -gt 0 ] || fail "usage: scripts/fpga_check.sh DIR..."
for tool in shellcheck tclsh verilator python3; do
    command -v "$tool" >/dev/null || fail "$tool is missing: apt-get install ${tool/tclsh/tcl}"
done
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cat >"$scratch/complete.tcl" <<'TCL'
foreach path $argv {
    set channel [open $path]
    set text [read $channel]
    close $channel
    if {![info complete $text]} {
        puts stderr "fpga_check: $path: a brace or quote is not closed"
        exit 1
    }
}
TCL

for kit in "$@"; do
    [ -f "$kit/manifest.json" ] || fail "$kit is not an output of npugen fpga"
    for script in "$kit"/*.sh; do
        bash -n "$script"
        shellcheck "$script"
    done
    python3 - "$kit/create_afi.py" <<'PY'
import sys
compile(open(sys.argv[1]).read(), sys.argv[1], "exec")
PY
    mapfile -t texts < <(find "$kit/cl_npu" -name '*.tcl' -o -name '*.xdc' | sort)
    tclsh "$scratch/complete.tcl" "${texts[@]}"

    # Every file that encryption names is there.
    while IFS= read -r name; do
        [ -f "$kit/cl_npu/design/$name" ] || fail "$kit: design/$name is missing"
    done < <(sed -n 's/^    \(.*\.s\?vh\?\)\( \\\|\]\)$/\1/p' "$kit/cl_npu/build/scripts/encrypt.tcl")

    mkdir -p "$scratch/common"
    : >"$scratch/common/cl_common_defines.vh"
    verilator --lint-only -Wall --top-module cl_sim_top \
        -I"$kit/sim" -I"$kit/cl_npu/design" -I"$scratch/common" \
        -y "$kit/cl_npu/design" -y "$kit/sim" +libext+.sv+.v "$kit/sim/cl_sim_top.sv"
    echo "fpga_check: $kit: good"
done
