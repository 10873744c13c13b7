"""Compiles ONNX's operator tests and runs them on the machine.

    python python/compiled_cases.py [--npugen PATH] [--page docs/compiled_cases.md] [--only NAME]
                                    [--config CONFIG] [--rtl N]

Every case of `onnx.backend.test` is tried in two forms. As it is, it must give the expected results
within the suite's own tolerances: quantized operators, and float ones that the lanes compute in
binary32. A float case is also quantized by `npugen quantize` with its own inputs; what the compiled
program then computes must be, in every bit, what onnxruntime computes of the same file. Inputs
that a program must know when it is made are tried as constants, as python/graph_cases.py does. A
form is passed, refused with a reason, or failed; ends with status 1 when one failed. With --rtl the
first N forms that pass, of different operators, run on the simulated Verilog too.
"""

import argparse
import collections
import pathlib
import re
import subprocess
import sys
import tempfile

import graph_cases
import numpy as np
import onnx
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parent.parent


def reason_of(stderr):
    """The first problem in a message."""
    lines = [line.strip(" ×│╰─▶├") for line in stderr.splitlines()]
    named = [line for line in lines if line.startswith("the network: ")]
    if named:
        return named[0]
    places = [i for i, line in enumerate(lines) if "): " in line or line.startswith("input `")]
    if not places:
        # Above the first problem stands the name of the file.
        places = [i + 1 for i, line in enumerate(lines) if line.startswith("Error: ")]
        places = [next(i for i in range(places[0], len(lines)) if lines[i])] if places else [0]
    # Messages are wrapped; what would help begins the next part.
    text = []
    for line in lines[places[0]:]:
        if not line or line.startswith("help:"):
            break
        text.append(line)
    return " ".join(text)


class Machine:
    """npugen, on one configuration."""

    def __init__(self, program, config, folder):
        self.program, self.config, self.folder = program, config, folder

    def call(self, *words):
        words = [self.program, *map(str, words)]
        try:
            return subprocess.run(words, capture_output=True, text=True, timeout=600)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(words, -1, "", "no answer within ten minutes")

    def run(self, model, inputs, rtl=False):
        """Compiles and runs a file: outcome, remark, outputs by name."""
        folder = self.folder
        done = self.call("compile", model, "-c", self.config, "-o", folder / "case.npu")
        if done.returncode == 1:
            return "refused", reason_of(done.stderr), {}
        if done.returncode != 0:
            return "failed", f"compile: status {done.returncode}: {done.stderr[-300:]}", {}
        network = onnx.load(model)
        words = ["run", folder / "case.npu"]
        np.savez(folder / "in.npz", **inputs)
        if inputs:
            words += ["--inputs", folder / "in.npz"]
        files = {}
        for number, output in enumerate(network.graph.output):
            files[output.name] = folder / f"out{number}.npy"
            words += ["-o", f"{output.name}={files[output.name]}"]
        if rtl:
            words += ["--on", "rtl", "--check"]
        done = self.call(*words)
        if done.returncode != 0:
            return "failed", f"run: status {done.returncode}: {done.stderr[-300:]}", {}
        return "passed", "", {name: np.load(path) for name, path in files.items()}


def compare(found, expected, rtol, atol):
    """What is wrong with an output, or nothing."""
    expected = np.asarray(expected)
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return f"{found.dtype}{found.shape}, not {expected.dtype}{expected.shape}"
    if rtol is None:
        wrong = np.count_nonzero(found != expected)
        return f"{wrong} of {expected.size} elements differ" if wrong else ""
    if np.allclose(found, expected, rtol=rtol, atol=atol, equal_nan=True):
        return ""
    return f"differs by up to {np.abs(found.astype(float) - expected.astype(float)).max()}"


def named(model, inputs):
    return {value.name: np.asarray(v) for value, v in zip(model.graph.input, inputs)}


def as_it_is(machine, model, inputs, outputs, case, rtl=False):
    """The case itself against its expected results."""
    path = machine.folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    outcome, remark, found = machine.run(path, named(model, inputs), rtl)
    for value, expected in zip(model.graph.output, outputs):
        if outcome == "passed" and value.name:
            wrong = compare(found[value.name], expected, case.rtol, case.atol)
            if wrong:
                outcome, remark = "failed", f"{value.name}: {wrong}"
    return outcome, remark


def quantized(machine, model, inputs, rtl=False):
    """The case quantized, against onnxruntime."""
    path, made = machine.folder / "model.onnx", machine.folder / "model_int8.onnx"
    path.write_bytes(model.SerializeToString())
    given = named(model, inputs)
    np.savez(machine.folder / "calibration.npz", **{name: v[None] for name, v in given.items()})
    done = machine.call("quantize", path, "--calib", machine.folder / "calibration.npz", "-o", made)
    if done.returncode == 1:
        return "refused", "not quantized: " + reason_of(done.stderr)
    if done.returncode != 0:
        return "failed", f"quantize: status {done.returncode}: {done.stderr[-300:]}"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            made.read_bytes(), options, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        expected = dict(zip(names, session.run(names, given)))
    except Exception as error:  # noqa: BLE001, onnxruntime has no narrower one
        return "refused", "onnxruntime cannot run it: " + type(error).__name__
    outcome, remark, found = machine.run(made, given, rtl)
    for name in names:
        if outcome == "passed":
            wrong = compare(found[name], expected[name], None, None)
            if wrong:
                outcome, remark = "failed", f"{name}: {wrong}"
    return outcome, remark


def forms(machine, case, rtl=False):
    """Outcome and remark of both forms of a case; none where a form makes no sense."""
    inputs, outputs = ([graph_cases.plain(v) for v in values] for values in case.data_sets[0])
    model = case.model
    if len(inputs) != len(model.graph.input):
        return ("refused", "an optional input is left out of the inputs"), None
    if any(not hasattr(v, "dtype") for v in [*inputs, *outputs]):
        return ("refused", "sequences and optional values are not tensors"), None
    known = all(np.asarray(value).dtype in graph_cases.KINDS for value in inputs)
    tries = [len(inputs), min(1, len(inputs))] if known else [len(inputs)]
    floats = known and all(np.asarray(v).dtype == np.float32 for v in [inputs[0], *outputs]) \
        if inputs else False
    results = []
    for form in (True, False):
        first = None
        for constants in dict.fromkeys(tries):
            changed = graph_cases.with_constants(model, inputs, constants)
            outcome = as_it_is(machine, changed, inputs, outputs, case, rtl) if form else \
                quantized(machine, changed, inputs, rtl)
            # The form with constants gets furthest, and says what really stands against a case.
            first = outcome
            if outcome[0] != "refused":
                break
        results.append(first if form or floats else None)
        if not floats:
            break
    return results[0], results[1] if len(results) > 1 else None


def operator(case):
    """The operator a case is about."""
    return case.model.graph.node[-1].op_type if case.model.graph.node else "?"


def shorten(reason):
    """A reason without what is special about the case."""
    reason = reason.removeprefix("not quantized: ")
    return graph_cases.shorten(reason)[:160]


def page(results, sample):
    """The page of the results."""
    lines = [
        "# ONNX operator tests on the machine",
        "",
        "Made by `python python/compiled_cases.py --rtl 25 --page docs/compiled_cases.md`: every case of `onnx.backend.test`",
        f"(onnx {onnx.__version__}), compiled and run on the golden model, as it is and quantized by `npugen quantize`.",
        "The first must agree with the expected results within the suite's tolerances, the second in every bit with",
        f"onnxruntime {onnxruntime.__version__}. What the compiler takes is in [operators.md](operators.md); the reference, which takes",
        "much more, is in [graph_cases.md](graph_cases.md).",
        "",
        "| | as they are | quantized |",
        "|---|---:|---:|",
    ]
    count = [collections.Counter(r[form][0] for r in results if r[form]) for form in (2, 3)]
    for outcome in ("passed", "refused", "failed"):
        lines.append(f"| {outcome} | {count[0][outcome]} | {count[1][outcome]} |")
    if sample:
        lines += ["", f"{len(sample)} of those passed ran on the simulated Verilog too, equal to the golden model and to the expected results: "
                  + ", ".join(f"`{name}`" for name in sample) + "."]
    lines += ["", "## Passed, by operator", "", "| operator | as they are | quantized |", "|---|---:|---:|"]
    by_operator = collections.defaultdict(lambda: [0, 0])
    for _, op, *both in results:
        for index, outcome in enumerate(both):
            by_operator[op][index] += bool(outcome) and outcome[0] == "passed"
    lines += [f"| {op} | {a} | {b} |" for op, (a, b) in sorted(by_operator.items()) if a or b]
    for form, title in ((2, "Refused as they are"), (3, "Refused quantized")):
        reasons = collections.Counter(
            shorten(r[form][1]) for r in results if r[form] and r[form][0] == "refused")
        lines += ["", f"## {title}, by reason", "", "| reason | cases |", "|---|---:|"]
        lines += [f"| {reason} | {n} |" for reason, n in sorted(reasons.items(), key=lambda r: (-r[1], r[0]))]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--npugen", default=str(ROOT / "target" / "release" / "npugen"))
    parser.add_argument("--config", default="tiny")
    parser.add_argument("--page", type=pathlib.Path)
    parser.add_argument("--only", help="cases whose names match this expression")
    parser.add_argument("--rtl", type=int, default=0, help="so many cases on the simulated Verilog")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    results, sample, operators = [], [], set()
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(arguments.npugen, arguments.config, pathlib.Path(folder))
        for case in graph_cases.cases():
            name = case.name.removeprefix("test_")
            if arguments.only and not re.search(arguments.only, name):
                continue
            both = forms(machine, case)
            passed = [outcome for outcome in both if outcome and outcome[0] == "passed"]
            if passed and len(sample) < arguments.rtl and operator(case) not in operators:
                both = forms(machine, case, rtl=True)
                operators.add(operator(case))
                if not any(outcome and outcome[0] == "failed" for outcome in both):
                    sample.append(name)
            results.append((name, operator(case), *both))
            for form, outcome in zip(("as it is", "quantized"), both):
                if outcome and (outcome[0] == "failed" or arguments.verbose):
                    print(f"{outcome[0]}: {name}, {form}: {outcome[1]}", flush=True)
    for form, title in ((2, "as they are"), (3, "quantized")):
        count = collections.Counter(r[form][0] for r in results if r[form])
        print(title + ": " + ", ".join(f"{count[k]} {k}" for k in ("passed", "refused", "failed")))
    if arguments.page:
        arguments.page.write_text(page(results, sample))
    failed = any(outcome and outcome[0] == "failed" for r in results for outcome in r[2:])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
