#!/usr/bin/env bash
# Compiles the test networks, runs each of them whole on the simulated Verilog and prints the table
# of docs/performance.md: cycles, utilisation, and whether outputs are those of the golden model and
# of onnxruntime.
#
# usage: scripts/performance.sh [--models DIR] [NETWORK/DESIGN ...]
# Networks and references that are missing are made (scripts/models.py). Without arguments all rows
# are printed, which takes about half an hour on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."
models=models
if [[ ${1:-} == --models ]]; then
    models=$2
    shift 2
fi
rows=("$@")
if [[ ${#rows[@]} == 0 ]]; then
    rows=(resnet50/default resnet50/genesys_03 resnet50/64x64 resnet18/default
        mobilenetv2/default efficientnet_lite0/default open_nsfw/default)
fi
cargo build --release --quiet
npugen=target/release/npugen
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# The arguments that make a design of its name.
design() {
    case $1 in
    64x64)
        echo "-c default --rows 64 --cols 64 --set axi.data_bits=512 --set vector.lanes=64" \
            "--set buffers.ibuf.size=8MiB --set buffers.wbuf.size=4MiB --set array.cell=generic"
        ;;
    *) echo "-c $1" ;;
    esac
}

echo "| network | design | cycles | utilisation | golden model | onnxruntime | simulated, cycles/s |"
echo "|---|---|---:|---:|---|---|---:|"
for row in "${rows[@]}"; do
    network=${row%%/*}
    name=${row#*/}
    [[ -e $models/${network}_int8.onnx ]] ||
        .venv/bin/python scripts/models.py make "${network}_int8" --dir "$models" >&2
    reference=$models/${network}_int8_reference.npz
    [[ -e $reference ]] ||
        .venv/bin/python scripts/models.py reference "${network}_int8" --dir "$models" >&2
    # shellcheck disable=SC2046
    $npugen compile "$models/${network}_int8.onnx" $(design "$name") --json -o "$out/net.npu" \
        > "$out/net.json"
    # What a network computes in binary32 (a softmax at its end) differs in the last bits.
    $npugen run "$out/net.npu" --on rtl --inputs "$reference" --expect "$reference" \
        --within 1e-6 --check --json > "$out/run.json"
    cells=$(python3 - "$out" "$name" "$network" <<'P'
import json, sys
# Networks that end in binary32.
agrees = "within 1e-6" if sys.argv[3] == "open_nsfw" else "equal"
net = json.load(open(sys.argv[1] + "/net.json"))
run = json.load(open(sys.argv[1] + "/run.json"))
cells = 64 * 64 if sys.argv[2] == "64x64" else 16 * 16
cycles = run["cycles"]
speed = cycles / run["seconds"]
print(f"{cycles:,} | {100 * net['macs'] / cells / cycles:.2f} % | equal | {agrees} | {speed:,.0f}")
P
)
    echo "| \`$network\` | \`$name\` | $cells |"
done
