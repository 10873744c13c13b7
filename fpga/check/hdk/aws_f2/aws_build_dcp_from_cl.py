#!/usr/bin/env python3
"""Stands in for the script of this name in AWS's kit: same arguments, environment and archive."""

import argparse
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys


def ids():
    """PCI ids, read with the kit's own habits: characters of `32'h` are stripped, `_` divides."""
    found = {}
    for line in (pathlib.Path(os.environ["CL_DIR"]) / "design/cl_id_defines.vh").open():
        for name, kind in (("CL_SH_ID0", "pci"), ("CL_SH_ID1", "pci_subsystem")):
            if f"`define {name}" in line:
                device, vendor = line.split()[2].lstrip("32'h").split("_")
                found["pci_device_id" if kind == "pci" else "pci_subsystem_id"] = "0x" + device
                found[f"{kind}_vendor_id"] = "0x" + vendor
    return found


def main():
    """Starts Vivado, whose status is not looked at, and packs what is there."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-c", dest="cl", required=True)
    parser.add_argument("-m", dest="mode", default="small_shell")
    parser.add_argument("-p", dest="place", default="SSI_SpreadLogic_high")
    parser.add_argument("-o", dest="phys_opt", default="AggressiveExplore")
    parser.add_argument("-r", dest="route", default="AggressiveExplore")
    parser.add_argument("-t", dest="tag", default="2026_01_01-000000")
    parser.add_argument("--no-encrypt", dest="encrypt", action="store_false")
    args = parser.parse_args()
    cl_dir = pathlib.Path(os.environ["CL_DIR"])
    if cl_dir.resolve() not in pathlib.Path.cwd().resolve().parents:
        sys.exit("ERROR: not started inside CL_DIR")
    if cl_dir.resolve().name != args.cl:
        sys.exit("ERROR: CL_DIR is another design's")
    recipes = {"clock_recipe_a": "A1", "clock_recipe_b": "B2", "clock_recipe_c": "C0",
               "clock_recipe_hbm": "H2"}  # fmt: skip
    os.environ.update(CL=args.cl, SHELL_MODE=args.mode, BUILD_FLOW="BuildAll", BUILD_TAG=args.tag,
                      ENCRYPT=str(int(args.encrypt)))  # fmt: skip
    directives = [args.place, args.phys_opt, args.route, *recipes.values()]
    vivado = ["vivado", "-mode", "batch", "-source", "build_all.tcl", "-log", f"{args.tag}.log"]
    subprocess.run([*vivado, "-tclargs", *directives], check=False)

    checkpoints = cl_dir / "build/checkpoints"
    routed = checkpoints / f"{args.cl}.{args.tag}.post_route.dcp"
    violated = routed.with_suffix(".VIOLATED.dcp")
    chosen = violated if violated.exists() else routed
    if not chosen.exists():
        sys.exit("ERROR: there is no post-route checkpoint")
    shutil.rmtree("to_aws", ignore_errors=True)
    os.mkdir("to_aws")
    name = f"{args.tag}.SH_CL_routed.dcp"
    shutil.copy(chosen, f"to_aws/{name}")
    shutil.copy(checkpoints / f"{args.tag}.debug_probes.ltx", "to_aws")
    manifest = {
        **ids(),
        "manifest_format_version": 2,
        "dcp_hash": hashlib.sha256(chosen.read_bytes()).hexdigest(),
        "shell_version": "0x10212415",
        "hdk_version": "2.3.0",
        "tool_version": "v" + os.environ.get("STUB_VERSION", "2024.1"),
        "date": args.tag,
        **recipes,
        "dcp_file_name": name,
    }
    text = "".join(f"{key}={value}\n\n" for key, value in manifest.items())
    pathlib.Path(f"to_aws/{args.tag}.manifest.txt").write_text(text)
    subprocess.run(
        ["tar", "-cf", str(checkpoints / f"{args.tag}.Developer_CL.tar"), "./to_aws"], check=True
    )
    shutil.rmtree("to_aws")


main()
