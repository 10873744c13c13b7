#!/usr/bin/env python3
"""Runs what a kit's scripts do, from its sources to the archive, without Vivado and without AWS.

    fpga/check/dry_run.py KIT...

The arguments for AWS are checked by AWS's command line, which sends nothing.

Vivado is a stub (fpga/check/vivado) that notes commands, checks their options and that every file,
cell, pin and port they name is there. The scripts of AWS's kit are stand-ins of our own
(fpga/check/hdk) with the same arguments and names. Where $HDK_SHELL_DIR and $HDK_SHELL_DESIGN_DIR
name a real kit, its lists of ports are compared with the kit's, and the files of AWS that the
scripts read must be in it.
"""

import dataclasses
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

import cli
import lint
from lint import Problem

HERE = pathlib.Path(__file__).resolve().parent

# Files of AWS's kits that are read besides its scripts, in the folder of the shell.
SHARED = ["build/scripts/vivado_keyfile.txt"]
FILES = {
    "aws-f1": [
        *SHARED,
        "build/scripts/vivado_keyfile_2017_4.txt",
        "build/scripts/vivado_keyfile_2024_1.txt",
        "build/checkpoints/from_aws/SH_CL_BB_routed.dcp",
        "build/constraints/cl_ddr.xdc",
        "build/constraints/cl_synth_aws.xdc",
        "design/interfaces/cl_ports.vh",
        *(f"design/lib/{name}.sv" for name in ("lib_pipe", "bram_2rw", "flop_fifo")),
        *(
            f"design/sh_ddr/synth/{name}"
            for name in (
                "sync.v", "flop_ccf.sv", "ccf_ctl.v", "mgt_acc_axl.sv", "mgt_gen_axl.sv",
                "sh_ddr.sv",
            )
        ),
        *(
            f"design/ip/{name}/{name}.xci"
            for name in (
                "ddr4_core", "src_register_slice", "dest_register_slice",
                "axi_clock_converter_0", "axi_register_slice", "axi_register_slice_light",
            )
        ),
    ],
    "aws-f2": [
        *SHARED,
        "build/checkpoints/from_aws/cl_bb_routed.small_shell.dcp",
        "build/constraints/cl_pins.xdc",
        "build/constraints/cl_ddr_timing_aws.xdc",
        "build/constraints/small_shell_level_1_fp_cl.xdc",
        "design/interfaces/cl_ports.vh",
        "design/sh_ddr/synth/sh_ddr.sv",
        "../ip/cl_ip/cl_ip.srcs/sources_1/ip/cl_ddr4/cl_ddr4.xci",
        "../ip/cl_ip/cl_ip.srcs/sources_1/ip/cl_axi_clock_converter/cl_axi_clock_converter.xci",
        "../ip/cl_ip/cl_ip.srcs/sources_1/ip/cl_hbm/cl_hbm.xci",
    ],
}  # fmt: skip

# What must happen, in this order; each is the beginning of a line of the stub's log.
ORDER = {
    "aws-f1": [
        "source ", "encrypt -k ", "create_project -in_memory -part xcvu9p-flgb2104-2-i",
        "read_verilog -sv ", "read_ip ", "read_xdc ", "synth_design -mode out_of_context -top cl_npu",
        "write_checkpoint ", "close_project", "create_project ", "add_files ", "read_xdc ",
        "link_design -top top_sp", "opt_design", "place_design -directive ExtraNetDelay_high",
        "phys_opt_design", "route_design -tns_cleanup", "report_timing_summary -file",
        "write_checkpoint -force -encrypt ",
    ],
    "aws-f2": [
        "source build_all.tcl", "source encrypt.tcl", "encrypt -k ", "create_project ",
        "read_verilog -sv ", "read_ip ", "read_xdc ",
        "synth_design -mode out_of_context -top cl_npu -part xcvu47p-fsvh2892-2-e",
        "write_checkpoint ", "close_project", "link_design ", "read_xdc ", "opt_design",
        "place_design ", "phys_opt_design ", "route_design ", "write_checkpoint ",
    ],
}  # fmt: skip

MANIFEST = {
    "manifest_format_version", "pci_vendor_id", "pci_device_id", "pci_subsystem_id",
    "pci_subsystem_vendor_id", "dcp_hash", "shell_version", "hdk_version", "tool_version", "date",
    "clock_recipe_a", "clock_recipe_b", "clock_recipe_c", "dcp_file_name",
}  # fmt: skip
SHELLS = {"aws-f1": "0x04261818", "aws-f2": "0x10212415"}


@dataclasses.dataclass
class Result:
    """What a run of `build.sh` left."""

    status: int
    said: str
    log: list


def target_of(kit):
    """Which card a kit is for."""
    build = kit / "cl_npu/build"
    if (build / "scripts/create_dcp_from_cl.tcl").is_file():
        return "aws-f1"
    if (build / "constraints/small_shell_cl_pnr_user.xdc").is_file():
        return "aws-f2"
    raise Problem(f"{kit} is not an output of npugen fpga")


def make_hdk(target, root):
    """A stand-in for AWS's kit in a folder; gives the variables of its setup script."""
    shell = root / "hdk/common/shell"
    for name in FILES[target]:
        path = pathlib.Path(os.path.normpath(shell / name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    scripts = HERE / "hdk" / target.replace("-", "_")
    shutil.copytree(scripts, shell / "build/scripts", dirs_exist_ok=True)
    key = "SHELL_VERSION" if target == "aws-f1" else "small_shell"
    (shell / "shell_version.txt").write_text(f"{key}={SHELLS[target]}\n")
    common = root / "hdk/cl/examples/common/design"
    common.mkdir(parents=True)
    (common / "cl_common_defines.vh").touch()
    return {
        "AWS_FPGA_REPO_DIR": root,
        "HDK_DIR": root / "hdk",
        "HDK_COMMON_DIR": root / "hdk/common",
        "HDK_SHELL_DIR": shell,
        "HDK_SHELL_DESIGN_DIR": shell / "design",
        "HDK_IP_SRC_DIR": root / "hdk/common/ip/cl_ip/cl_ip.srcs/sources_1/ip",
        "VIVADO_TOOL_VERSION": "v2024.1",
    }


def build(kit, hdk, scratch, arguments=(), **settings):
    """Runs a kit's `build.sh` with the stubs; settings are those of the stub."""
    log = scratch / "vivado.txt"
    log.write_text("")
    environment = {
        "PATH": f"{HERE}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(scratch),
        "STUB_LOG": str(log),
        **{name: str(value) for name, value in {**hdk, **settings}.items()},
    }
    done = subprocess.run(
        [kit / "build.sh", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    return Result(done.returncode, done.stdout + done.stderr, log.read_text().splitlines())


def check_order(target, log):
    """The steps of a build, one after the other."""
    lines = iter(log)
    for step in ORDER[target]:
        if not any(line.startswith(step) for line in lines):
            raise Problem(f"the build has no `{step.strip()}` where it belongs; its commands:\n"
                          + "\n".join(log))  # fmt: skip


def check_archive(target, kit):
    """The archive: its files, the manifest's keys and that its hash is the checkpoint's."""
    archives = sorted((kit / "cl_npu/build/checkpoints").rglob("*.Developer_CL.tar"))
    if len(archives) != 1:
        raise Problem(f"there are {len(archives)} archives, not one")
    with tarfile.open(archives[0]) as archive:
        members = {pathlib.PurePath(m.name): m for m in archive.getmembers() if m.isfile()}
        manifests = [path for path in members if path.name.endswith(".manifest.txt")]
        if len(manifests) != 1 or any(path.parent.name != "to_aws" for path in members):
            raise Problem(f"the archive holds {sorted(map(str, members))}")
        text = archive.extractfile(members[manifests[0]]).read().decode()
        manifest = dict(line.split("=", 1) for line in text.splitlines() if line)
        missing = MANIFEST - manifest.keys()
        if missing:
            raise Problem(f"the manifest lacks {', '.join(sorted(missing))}")
        name = pathlib.PurePath("to_aws") / manifest["dcp_file_name"]
        if name not in members:
            raise Problem(f"the manifest names {name}, which the archive does not hold")
        checkpoint = archive.extractfile(members[name]).read()
    if hashlib.sha256(checkpoint).hexdigest() != manifest["dcp_hash"]:
        raise Problem("the manifest's dcp_hash is not the checkpoint's")
    for key, value in (("shell_version", SHELLS[target]), ("pci_vendor_id", "0x1D0F")):
        if manifest[key].lower() != value.lower():
            raise Problem(f"the manifest's {key} is {manifest[key]}, not {value}")
    return archives[0]


def prepare(kit, scratch):
    """A copy of a kit that can be built, AWS's kit beside it, and the list of its objects."""
    target = target_of(kit)
    copy = scratch / "kit"
    shutil.copytree(kit, copy)
    hdk = make_hdk(target, scratch / "aws-fpga")
    files, includes = lint.kit_sources(copy)
    root = lint.elaborate(files, [*includes, hdk["HDK_DIR"] / "cl/examples/common/design"], "cl_npu")
    cells = scratch / "cells.txt"
    cells.write_text("\n".join(lint.objects(root)) + "\n")
    return target, copy, {**hdk, "STUB_CELLS": cells}


def check_real(kit, target, log, stand_in):
    """Against a real kit of AWS, where there is one."""
    shell, design = (os.environ.get(n) for n in ("HDK_SHELL_DIR", "HDK_SHELL_DESIGN_DIR"))
    if not shell or not design:
        return
    shell, design = pathlib.Path(shell), pathlib.Path(design)
    ours = lint.ports(kit / "sim/cl_ports.vh", "cl_npu")
    lint.compare_ports(ours, lint.ports(design / "interfaces/cl_ports.vh", "cl_npu"),
                       design / "interfaces/cl_ports.vh")  # fmt: skip
    stub = design / "sh_ddr/sh_ddr.stub.sv"
    if stub.is_file():
        ours = lint.ports(kit / "sim/sh_ddr.sv", "sh_ddr")
        lint.compare_ports(ours, lint.ports(stub, "sh_ddr"), stub)
    inside = f"{stand_in}/"
    words = {word for line in log for word in line.split() if word.startswith(inside)}
    named = sorted(word.removeprefix(inside) for word in words)
    missing = [name for name in named if not (shell / name).exists()]
    if missing:
        raise Problem(f"{shell} lacks {', '.join(missing)}")
    print(f"dry run: {target}: ports and files are those of {shell}")


def check(kit):
    """Everything, of one kit."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        target, copy, settings = prepare(kit, scratch)
        result = build(copy, settings, scratch)
        if result.status:
            raise Problem(f"build.sh ended with {result.status}:\n{result.said}")
        check_order(target, result.log)
        check_archive(target, copy)
        check_real(kit, target, result.log, settings["HDK_SHELL_DIR"])
        cli.check(kit)
        print(f"dry run: {target}: {len(result.log)} commands, archive and manifest are right")


def main():
    """All kits of the command line."""
    if len(sys.argv) < 2:
        sys.exit("usage: fpga/check/dry_run.py KIT...")
    for name in sys.argv[1:]:
        check(pathlib.Path(name))


if __name__ == "__main__":
    try:
        main()
    except Problem as problem:
        sys.exit(f"fpga_check: {problem}")
