#!/usr/bin/env python3
"""Synthesises what stands around the machine on a card, with Yosys, and prints what it takes.

    scripts/measure_custom_logic.py [aws-f1|aws-f2] [MEMORY]

The machine itself is left out (scripts/measure_resources.py measures it), and so are the shell's
DRAM controllers, which are not at hand. src/fpga/budget.rs has the sum. With hbm2 ... hbm32 as the
memory it is the bridge to the HBM alone. About a minute.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import measure_resources
from measure_resources import ROOT, SHOWN, SYNTHESIS

TOP = "npu_cl_system"
BRIDGE = "npu_cl_hbm"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", nargs="?", default="aws-f2", choices=["aws-f1", "aws-f2"])
    parser.add_argument("memory", nargs="?")
    options = parser.parse_args()
    memory = options.memory or ""
    hbm = memory.removeprefix("hbm") if memory.startswith("hbm") else ""
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        command = [ROOT / "target/debug/npugen", "fpga", options.target, "-c", "tiny"]
        command += ["--set", "axi.data_bits=512", "--set", "clock_mhz=250", "-o", folder / "kit"]
        command += ["--memory", memory] if memory else []
        subprocess.run(command, check=True, stdout=sys.stderr)
        sources = sorted((folder / "kit/cl_npu/design").glob("npu_*.sv"))
        # The machine as a black box, and of its modules only those that stand around it too.
        script = [f"read_verilog -sv {'-lib ' if path.stem == 'npu_top' else ''}{path}"
                  for path in sources]
        stat = folder / "stat.json"
        if hbm:
            top, parameter, value = BRIDGE, "PORT_W", int(hbm).bit_length() - 1
        else:
            top, parameter, value = TOP, "HAS_DMA", int(options.target == "aws-f2")
        script += [f"chparam -set {parameter} {value} {top}", f"{SYNTHESIS} -top {top}",
                   f"tee -q -o {stat} stat -json"]
        measure_resources.run_yosys(";".join(script), str(folder / "yosys.log"))
        text = stat.read_text()
    modules = json.loads(text[text.index("{"):])["modules"]
    modules = {name: cells for name, cells in modules.items()
               if "npu_" in name and "npu_top" not in name}
    print(f"{'module':<28}" + "".join(f"{kind:>8}" for kind in SHOWN))
    for name, cells in sorted(measure_resources.per_module(modules).items()):
        print(f"{name:<28}" + "".join(f"{cells.get(kind, 0):>8}" for kind in SHOWN))


if __name__ == "__main__":
    main()
