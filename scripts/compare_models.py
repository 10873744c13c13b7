#!/usr/bin/env python3
"""Compiles test networks, runs each with every input of its reference on the golden model, and
compares with onnxruntime.

    scripts/compare_models.py [--models DIR] [--runs N] [--set KEY=VALUE] NAME...

A network of pictures must be equal in every quantized tensor (it is compiled with `--keep --no-fuse`)
and to a millionth in what it computes of them in binary32, as a softmax at its end; where the reference has labels, the largest results are counted that are right.
Of a transformer the cosines of hidden states and of sentence vectors (means over the tokens, those
that a mask leaves out not counted) are shown: compiled program to onnxruntime, reference of
`npugen graph` to onnxruntime, program to reference. The exit status is 1 where a tensor of integers
differs. Models and references are made by scripts/models.py, npugen by `cargo build --release`.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
NPUGEN = ROOT / "target" / "release" / "npugen"
sys.path.insert(0, str(ROOT / "python"))
from models.reference import cosine  # noqa: E402


def npugen(*args, allowed=(0,)):
    """What npugen prints, and its exit status."""
    done = subprocess.run([NPUGEN, *map(str, args)], capture_output=True, text=True, check=False)
    if done.returncode not in allowed:
        sys.exit(f"npugen {' '.join(map(str, args))}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr, done.returncode


def integers(model, design, file, reference, runs, folder):
    """Compares every quantized tensor; whether all are equal."""
    program, result = folder / "net.npu", folder / "result.npy"
    npugen("compile", model, *design, "--keep", "--no-fuse", "-o", program)
    output = next(key[len("output/"):] for key in reference.files if key.startswith("output/"))
    labels = reference["labels"] if "labels" in reference.files else None
    equal = right = 0
    for run in range(runs):
        args = ["run", program, "--inputs", file, "--expect", file, "--within", 1e-6, "--index", run]
        text, status = npugen(*args, "--output", f"{output}={result}", allowed=(0, 3))
        equal += status == 0
        found = re.search(r".* tensors as expected.*", text)
        print(f"  input {run}: {found.group(0)}", flush=True)
        if labels is not None:
            right += int(np.load(result).argmax()) == int(labels[run])
    top = "" if labels is None else f", top-1 {right} of {runs}"
    print(f"{model.stem}: {equal} of {runs} inputs equal in all tensors{top}")
    return equal == runs


def states(model, design, reference, runs, folder):
    """Compares hidden states and sentence vectors."""
    program, ids, values = folder / "net.npu", folder / "ids.npz", folder / "all.npz"
    result = folder / "result.npy"
    npugen("compile", model, *design, "-o", program)
    inputs = [key for key in reference.files if key.startswith("input/")]
    output = next(key for key in reference.files if key.startswith("output/"))
    name, rows = output[len("output/"):], []
    for run in range(runs):
        np.savez(ids, **{key[len("input/"):]: reference[key][run] for key in inputs})
        npugen("graph", model, "--format", "none", "--input", ids, "--output", values)
        npugen("run", program, "--inputs", values, "--output", f"{name}={result}")
        mask = np.ones(reference[inputs[0]][run].shape)
        if "input/attention_mask" in inputs:
            mask = reference["input/attention_mask"][run].astype(float)
        found = [np.load(result), reference[output][run], np.load(values)[name]]
        found = [array.astype(float) * mask[..., None] for array in found]
        program_, onnx, evaluator = found
        pooled = [array.sum(-2) for array in found]
        row = [cosine(program_, onnx), cosine(evaluator, onnx), cosine(program_, evaluator),
               cosine(pooled[0], pooled[1]), cosine(pooled[2], pooled[1])]
        rows.append(row)
        print(f"  input {run}: " + " ".join(f"{x:.6f}" for x in row), flush=True)
    columns = zip(["hidden states: program to onnxruntime", "reference to onnxruntime",
                   "program to reference", "sentence vectors: program to onnxruntime",
                   "reference to onnxruntime"], zip(*rows))
    print(f"{model.stem}, {runs} inputs:")
    for title, column in columns:
        print(f"  {title}: least {min(column):.6f}, mean {np.mean(column):.6f}")
    return True


def main():
    """Compares all networks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / "models")
    parser.add_argument("--runs", type=int, help="inputs, from the first (default: all)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="of the design; may be given again")
    parser.add_argument("names", nargs="+", metavar="NAME", help="as `scripts/models.py list`")
    options = parser.parse_args()
    fine, design = True, []
    for override in options.set:
        design += ["--set", override]
    for name in options.names:
        model = options.models / f"{name}.onnx"
        file = options.models / f"{name}_reference.npz"
        with np.load(file) as reference, tempfile.TemporaryDirectory() as folder:
            first = next(key for key in reference.files if key.startswith("input/"))
            runs = min(options.runs or len(reference[first]), len(reference[first]))
            folder = pathlib.Path(folder)
            if reference[first].dtype.kind == "i":
                fine &= states(model, design, reference, runs, folder)
            else:
                fine &= integers(model, design, file, reference, runs, folder)
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
