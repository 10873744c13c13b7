#!/usr/bin/env bash
# Measures the operators of the lanes on the simulated Verilog and prints the table of docs/kernels.md.
# Arguments go to every `npugen bench vector`, for instance: --no-check, -c edge
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
echo "| operator | shape | passes | cycles per word | error |"
echo "|---|---|---:|---:|---|"
while read -r operator shape passes error; do
    # What follows a plus is an argument of its own.
    target/release/npugen bench vector --op "${operator%%+*}" --shape "$shape" \
        $([[ $operator != *+* ]] || echo "--${operator#*+}") --json "$@" | python3 -c "
import json, sys
r = json.load(sys.stdin)
assert r['equal_to_golden'] is not False
name = '$operator'.replace('+', '\` of \`')
print(f\"| \`{name}\` | $shape | $passes | {r['cycles_per_word']:.2f} | ${error:-as onnxruntime} |\")"
done <<'WORK'
softmax 12x128x128 5 7 + log2(largest / it) ulp
softmax_causal 12x128x128 5 the same
softmax_keys 12x128x128 6 the same
softmax_scores 12x128x128 6 10 + log2(largest / it) ulp
layernorm 128x768 5 3.5 ulp of the largest summand
layernorm+activations 128x768 6 the same
rmsnorm 128x768 3 4 ulp
batchnorm 128x768 2 1.5 ulp of the larger summand
exp 128x768 8 3 ulp
add 128x768 1 0.5 ulp
mul 128x768 1 0.5 ulp
max 128x768 1 exact
div 128x768 2 2.5 ulp
gelu 128x3072 1 70 ulp of 1/8, 1.2e-6
gelu+activations 128x3072 2 the same
tanh 128x3072 1 45 ulp, 2.4e-6
max_pool 56x56x64 9
average_pool 56x56x64 9
average_pool_inside 56x56x64 9
global_average 14x14x512 196
add_int8 56x56x64 1
mul_int8 56x56x64 3
mul_channels_int8 56x56x64 2
requantize 56x56x64 1
batchnorm_int8 56x56x64 1
gelu_int8 56x56x64 1
upsample 28x28x64 1
concat_channels 28x28x64 1
concat_rows 28x28x64 1
slice 56x56x64 0 exact
transpose_102 56x56x64 0 exact
transpose_021 28x28x64 0 exact
transpose_201 28x28x64 0 exact
gather 512x256 0 exact
WORK
