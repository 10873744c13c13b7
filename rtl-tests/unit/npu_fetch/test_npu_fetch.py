"""npu_fetch: all words of a program, in order, for every bus width, start and length."""

import pathlib

import pytest

import harness

HERE = pathlib.Path(__file__).parent


@pytest.mark.parametrize("width", [32, 64, 128, 1024])
def test_programs(width):
    harness.verilate("npu_fetch", ["npu_fetch"], {"DATA_W": width}, HERE / "bench.cpp")


@pytest.mark.parametrize("width", [32, 64, 256, 512])
def test_lint(width):
    harness.lint("npu_fetch", ["npu_fetch"], {"DATA_W": width, "ADDR_W": 32})
