#!/usr/bin/env bash
# Measures `npugen build`, the operators of docs/performance.md on the simulated Verilog and the simulator, and
# prints the tables.
# Arguments go to every `npugen bench`, for instance: --no-check, -c edge
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
python3 - <<'BUILD'
import subprocess, tempfile, time

with tempfile.TemporaryDirectory() as folder:
    print("| npugen build | best of five |")
    print("|---|---|")
    for preset in ["tiny", "default", "aws_f1"]:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            command = ["target/release/npugen", "build", "-c", preset, "-o", f"{folder}/{preset}"]
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
            times.append(time.perf_counter() - start)
        print(f"| {preset} | {1000 * min(times):.0f} ms |")
BUILD
echo
echo "| work | cycles | utilisation | equal to golden |"
echo "|---|---|---|---|"
while read -r name arguments; do
    # shellcheck disable=SC2086 # the arguments are words
    target/release/npugen bench $arguments --json "$@" | python3 -c "
import json, sys
r = json.load(sys.stdin)
print(f\"| ${name//_/ } | {r['cycles']:,} | {100 * r['utilisation']:.2f} % | {r['equal_to_golden']} |\")"
done <<'WORK'
GEMM_64x64x64 gemm --m 64 --n 64 --k 64
GEMM_512x512x512 gemm --m 512 --n 512 --k 512
convolution_56x56x64_to_64,_3x3 conv --size 56 --channels 64 --filters 64 --kernel 3 --pad 1
convolution_14x14x256_to_1024,_1x1 conv --size 14 --channels 256 --filters 1024 --kernel 1
first_layer_224x224x3_to_64,_7x7_stride_2 conv --size 224 --channels 3 --filters 64 --kernel 7 --stride 2 --pad 3
ten_28x28x128_3x3_with_residuals,_on_chip conv --size 28 --channels 128 --filters 128 --kernel 3 --pad 1 --layers 10
WORK
echo
echo "| depthwise convolution of 112x112x96 | taps | cycles | products per lane and cycle | equal to golden |"
echo "|---|---:|---:|---:|---|"
while read -r kernel stride taps; do
    target/release/npugen bench depthwise --shape 112x112x96 --kernel "$kernel" --stride "$stride" \
        --set vector.taps="$taps" --json "$@" | python3 -c "
import json, sys
r = json.load(sys.stdin)
rate = r['macs_per_lane_and_cycle']
print(f\"| ${kernel}x$kernel, stride $stride | $taps | {r['cycles']:,} | {rate:.2f} | {r['equal_to_golden']} |\")"
done <<'WORK'
3 1 3
3 2 3
5 1 3
5 2 3
7 1 3
7 1 4
7 2 4
WORK
echo
echo "| simulator, one thread | build | cycles a second |"
echo "|---|---|---|"
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
for shape in 16 64; do
    target/release/npugen bench simulator --rows $shape --cols $shape --cache-dir "$fresh" --json | python3 -c "
import json, sys
r = json.load(sys.stdin)
print(f\"| $shape x $shape | {r['build_seconds']:.0f} s | {r['cycles_per_second'] / 1000:,.0f} thousand |\")"
done
