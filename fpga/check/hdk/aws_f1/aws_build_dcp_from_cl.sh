#!/usr/bin/env bash
# Stands in for the script of this name in AWS's kit: its options, and what it tells Vivado.
set -u
strategy=DEFAULT a=A0 b=B0 c=C0 uram=2
while [ $# -gt 0 ]; do
    case "$1" in
        -strategy) strategy=$2 && shift ;;
        -clock_recipe_a) a=$2 && shift ;;
        -clock_recipe_b) b=$2 && shift ;;
        -clock_recipe_c) c=$2 && shift ;;
        -uram_option) uram=$2 && shift ;;
        -foreground) ;;
        *) echo "unknown option $1" >&2 && exit 1 ;;
    esac
    shift
done
# Vendor and device of a definition: underscores are left out, four digits each are taken.
digits() {
    sed -n "s/^.define $1 *32'h\([0-9A-F_]*\).*/\1/p" "$CL_DIR/design/cl_id_defines.vh" | tr -d _
}
id0=$(digits CL_SH_ID0) id1=$(digits CL_SH_ID1)
timestamp=26_01_01-000000
shell=$(sed -n 's/^SHELL_VERSION=//p' "$HDK_SHELL_DIR/shell_version.txt")
vivado -mode batch -nojournal -log $timestamp.vivado.log -source create_dcp_from_cl.tcl -tclargs \
    $timestamp "$strategy" 1.4.25 "$shell" "0x${id0:0:4}" "0x${id0:4:4}" "0x${id1:0:4}" \
    "0x${id1:4:4}" "$a" "$b" "$c" "$uram" 0
