#!/usr/bin/env python3
"""Cuts one encoder layer out of a transformer, for runs that should not take long.

    scripts/encoder_layer.py MODEL.onnx [--layer 0] -o layer.onnx

The layer goes from the result of one layer norm to that of the second one behind it. Its input is a
tensor of the network, which `npugen graph MODEL.onnx --input ids.npz --output all.npz` computes, and
so is its output:

    npugen compile layer.onnx -o layer.npu
    npugen run layer.npu --inputs all.npz --expect all.npz --on rtl --check
"""

import argparse
import pathlib
import sys

import onnx


def norms(model):
    """Results of the layer norms, in order."""
    return [n.output[0] for n in model.graph.node if n.op_type == "LayerNormalization"]


def main():
    """Writes the part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--layer", type=int, default=0, help="which, from 0 on")
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True)
    args = parser.parse_args()
    model = onnx.shape_inference.infer_shapes(onnx.load(args.model))
    found = norms(model)
    first = 2 * args.layer
    if args.layer < 0 or first + 2 >= len(found):
        sys.exit(f"{args.model} has {len(found) // 2} layers, --layer is {args.layer}")
    part = onnx.utils.Extractor(model).extract_model([found[first]], [found[first + 2]])
    onnx.save(part, args.output)
    print(f"wrote {args.output}: {found[first]} to {found[first + 2]}")


if __name__ == "__main__":
    main()
