#!/usr/bin/env bash
# What a schedule does to the cycles of ResNet-50: compiles it with the schedules of docs/schedule.md,
# runs each program whole on the simulated Verilog, compares all outputs with onnxruntime's and prints
# the tables of that page.
#
# usage: scripts/measure_schedules.sh [--models DIR] [DESIGN ...]
# Network and reference are made when they are missing (scripts/models.py). Without arguments the
# designs are genesys_03 and default, which takes about half an hour.
set -euo pipefail
cd "$(dirname "$0")/.."
models=models
if [[ ${1:-} == --models ]]; then
    models=$2
    shift 2
fi
designs=("$@")
if [[ ${#designs[@]} == 0 ]]; then
    designs=(genesys_03 default)
fi
[[ -e $models/resnet50_int8.onnx ]] ||
    .venv/bin/python scripts/models.py make resnet50_int8 --dir "$models" >&2
reference=$models/resnet50_int8_reference.npz
[[ -e $reference ]] ||
    .venv/bin/python scripts/models.py reference resnet50_int8 --dir "$models" >&2
cargo build --release --quiet
npugen=target/release/npugen
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# What changes, and the schedule.
schedules=(
    "nothing: as compiled|"
    "tiling: two rows at a time in the first stage|layers: {'stage0.*.conv*': {tile: [2, 56]}}"
    "tiling: half the width of the map in the first stage|layers: {'stage0.*.conv*': {tile: [8, 28]}}"
    "tiling: 64 output channels at a time|layers: {'stage*': {channels: 64}}"
    "loop order: weights outside|layers: {'*': {order: weights}}"
    "loop order: tiles outside|layers: {'*': {order: tiles}}"
    "buffers: residual operands in DRAM|layers: {'stage*.conv3': {place: dram}, 'stage*.shortcut': {place: dram}}"
    "buffers: every map in DRAM|layers: {'*': {place: dram}}"
    "fusion: additions on the lanes|apart: ['*.add']"
)

for design in "${designs[@]}"; do
    echo "Design \`$design\`:"
    echo
    echo "| change | cycles | to the first | utilisation | read, MiB | written, MiB |"
    echo "|---|---:|---:|---:|---:|---:|"
    first=
    for entry in "${schedules[@]}"; do
        printf '%s\n' "${entry#*|}" > "$out/schedule.yaml"
        $npugen compile "$models/resnet50_int8.onnx" -c "$design" --schedule "$out/schedule.yaml" \
            --json -o "$out/net.npu" > "$out/net.json" 2> "$out/log" || {
            cat "$out/log" >&2
            exit 1
        }
        $npugen run "$out/net.npu" --on rtl --inputs "$reference" --expect "$reference" --json \
            > "$out/run.json"
        row=$(python3 - "$out" "${entry%%|*}" "$first" <<'P'
import json, sys
out, what, first = sys.argv[1:]
net, run = (json.load(open(f"{out}/{name}.json")) for name in ("net", "run"))
cycles, counters = run["cycles"], run["counters"]
mib = [f"{counters[key] / 2**20:.1f}" for key in ("read.bytes", "write.bytes")]
change = f"{100 * (cycles / int(first) - 1):+.1f} %" if first else ""
share = f"{100 * net['macs'] / 256 / cycles:.2f} %"
print(cycles, f"| {what} | {cycles:,} | {change} | {share} | {mib[0]} | {mib[1]} |")
P
        )
        first=${first:-${row%% *}}
        echo "${row#* }"
    done
    echo
done
