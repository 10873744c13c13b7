#!/usr/bin/env bash
# Makes a kit for each card, on the shell's clock and on one of its own, and checks them.
set -euo pipefail
cd "$(dirname "$0")/.."

kits=$(mktemp -d)
trap 'rm -rf "$kits"' EXIT
for target in aws-f1 aws-f2; do
    for mhz in 250 125; do
        cargo run --quiet -- fpga "$target" -c tiny --set axi.data_bits=512 \
            --set clock_mhz="$mhz" -o "$kits/$target-$mhz"
    done
done
scripts/fpga_check.sh "$kits"/*
