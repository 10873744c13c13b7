"""Compares `npugen graph` with the expected results of ONNX's operator tests.

    python python/graph_cases.py [--npugen PATH] [--page docs/graph_cases.md] [--only NAME]

Each case of `onnx.backend.test` is one small network with inputs and outputs. Constants stand in
these networks as inputs; what a program must know when it is made (shapes, axes, scales) is
therefore tried as a constant where the network as it is was refused: first all inputs but the
first, then all. A case is passed when every output agrees within the suite's own tolerances,
refused when npugen says why it cannot take the network, else failed. Ends with status 1 when one
failed.
"""

import argparse
import collections
import pathlib
import re
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
from onnx import numpy_helper

ROOT = pathlib.Path(__file__).resolve().parent.parent
KINDS = (np.float32, np.int8, np.uint8, np.int32, np.int64, np.bool_)


def cases():
    """All operator tests, by name."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sorted(collect_testcases(None), key=lambda case: case.name)


def with_constants(model, values, first):
    """The model with the inputs from number `first` on as constants."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    names = [value.name for value in changed.graph.input]
    for name, value in list(zip(names, values))[first:]:
        changed.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    kept = [value for value in changed.graph.input if value.name in names[:first]]
    del changed.graph.input[:]
    changed.graph.input.extend(kept)
    return changed


def attempt(npugen, folder, model, inputs, outputs, rtol, atol):
    """Runs a network; gives `passed`, `refused` or `failed` and a remark."""
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    names = [value.name for value in model.graph.input]
    np.savez(folder / "in.npz", **{name: np.asarray(v) for name, v in zip(names, inputs)})
    out = folder / "out.npz"
    out.unlink(missing_ok=True)
    command = [npugen, "graph", folder / "model.onnx", "--format", "none"]
    command += ["--input", folder / "in.npz", "--output", out]
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600)
    if run.returncode == 1:
        lines = [line.strip(" ×│╰─▶├") for line in run.stderr.splitlines()]
        reason = next((line for line in lines if "): " in line or line.startswith("input `")), "")
        return "refused", reason or " ".join(lines)[:300]
    if run.returncode != 0:
        return "failed", f"status {run.returncode}: {run.stderr[-300:]}"
    found = np.load(out)
    for value, expected in zip(model.graph.output, outputs):
        if not value.name:
            continue
        if value.name not in found.files:
            return "failed", f"no output {value.name}"
        got, expected = found[value.name], np.asarray(expected)
        if got.shape != expected.shape or got.dtype != expected.dtype:
            return "failed", f"{value.name}: {got.dtype}{got.shape}, not {expected.dtype}{expected.shape}"
        if not np.allclose(got, expected, rtol=rtol, atol=atol, equal_nan=True):
            worst = np.abs(got.astype(float) - expected.astype(float)).max()
            return "failed", f"{value.name}: differs by up to {worst}"
    return "passed", ""


def plain(value):
    """Some values are stored as they would be in a file."""
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def judge(npugen, folder, case):
    """The outcome of a case, its remark, and which inputs were constants."""
    inputs, outputs = ([plain(v) for v in values] for values in case.data_sets[0])
    if len(inputs) != len(case.model.graph.input):
        return "refused", "an optional input is left out of the inputs", None
    if any(not hasattr(v, "dtype") for v in [*inputs, *outputs]):
        return "refused", "sequences and optional values are not tensors", None
    first = None
    # Constants of other float types would become float, and be compared with another type.
    known = all(np.asarray(value).dtype in KINDS for value in inputs)
    tries = [len(inputs), min(1, len(inputs)), 0] if known else [len(inputs)]
    for constants in dict.fromkeys(tries):
        model = with_constants(case.model, inputs, constants)
        outcome = attempt(npugen, folder, model, inputs, outputs, case.rtol, case.atol)
        first = first or outcome
        if outcome[0] != "refused":
            return *outcome, len(inputs) - constants
    return *first, None


def page(results):
    """The page of the results."""
    count = collections.Counter(outcome for _, outcome, _, _ in results)
    quantized = [r for r in results if any(w in r[0] for w in ("quantize", "qlinear", "integer"))]
    text = [
        "# ONNX operator tests",
        "",
        "Made by `python python/graph_cases.py --page docs/graph_cases.md`: every case of `onnx.backend.test` (onnx 1.23.2), imported, rewritten by all passes and computed by the reference",
        "([graph.md](graph.md)). Cases whose shapes, axes or scales are inputs are tried with these as constants.",
        "",
        "| | all | quantized |",
        "|---|---:|---:|",
    ]
    inner = collections.Counter(outcome for _, outcome, _, _ in quantized)
    for outcome in ("passed", "refused", "failed"):
        text.append(f"| {outcome} | {count[outcome]} | {inner[outcome]} |")
    reasons = collections.Counter(shorten(r[2]) for r in results if r[1] == "refused")
    text += ["", "## Refused, by reason", "", "| reason | cases |", "|---|---:|"]
    text += [f"| {reason} | {n} |" for reason, n in sorted(reasons.items(), key=lambda r: (-r[1], r[0]))]
    text += ["", "## Passed", ""]
    text += [", ".join(f"`{name}`" for name, outcome, _, _ in results if outcome == "passed")]
    return "\n".join(text) + "\n"


def shorten(reason):
    """A reason without the names of the case."""
    reason = reason.split("): ", 1)[-1]
    if reason.startswith("input `"):
        reason = "an input: " + reason.split(": ", 1)[-1]
    elif not reason.startswith("the operator"):
        reason = re.sub(r"`[^`]*`", "`..`", reason)
    return re.sub(r"\[[^\]]*\]|-?\d+(\.\d+)?", "#", reason.split(", but")[0]).replace("|", "/")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--npugen", default=str(ROOT / "target" / "release" / "npugen"))
    parser.add_argument("--page", type=pathlib.Path)
    parser.add_argument("--only", help="cases whose names contain this")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for case in cases():
            if arguments.only and arguments.only not in case.name:
                continue
            outcome, remark, constants = judge(arguments.npugen, pathlib.Path(folder), case)
            results.append((case.name.removeprefix("test_"), outcome, remark, constants))
            if outcome == "failed" or arguments.verbose:
                print(f"{outcome}: {case.name}: {remark}")
    count = collections.Counter(outcome for _, outcome, _, _ in results)
    print(", ".join(f"{count[k]} {k}" for k in ("passed", "refused", "failed")))
    if arguments.page:
        arguments.page.write_text(page(results))
    return 1 if count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
