#!/usr/bin/env python3
"""Synthesises what stands around the machine on a card, with Yosys, and prints what it takes.

    scripts/measure_custom_logic.py [aws-f1|aws-f2]

The machine itself is left out (scripts/measure_resources.py measures it), and so are the shell's
DRAM controllers, which are not at hand. src/fpga/budget.rs has the sum. About a minute.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import measure_resources
from measure_resources import ROOT, SHOWN, SYNTHESIS

TOP = "npu_cl_system"


def main():
    target = sys.argv[1] if len(sys.argv) > 1 else "aws-f2"
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        command = [ROOT / "target/debug/npugen", "fpga", target, "-c", "tiny"]
        command += ["--set", "axi.data_bits=512", "--set", "clock_mhz=250", "-o", folder / "kit"]
        subprocess.run(command, check=True, stdout=sys.stderr)
        sources = sorted((folder / "kit/cl_npu/design").glob("npu_*.sv"))
        # The machine as a black box, and of its modules only those that stand around it too.
        script = [f"read_verilog -sv {'-lib ' if path.stem == 'npu_top' else ''}{path}"
                  for path in sources]
        stat = folder / "stat.json"
        has_dma = int(target == "aws-f2")
        script += [f"chparam -set HAS_DMA {has_dma} {TOP}", f"{SYNTHESIS} -top {TOP}",
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
