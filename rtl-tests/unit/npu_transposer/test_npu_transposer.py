"""npu_transposer: rows and columns of random tiles end where machine.md puts them in WBUF."""

import pathlib

import pytest

import harness

HERE = pathlib.Path(__file__).parent


@pytest.mark.parametrize("size, act, wgt", [(1, 8, 8), (4, 8, 4), (8, 4, 8), (16, 8, 8), (32, 8, 8)])
def test_tiles(size, act, wgt):
    params = {"SIZE": size, "ACT_W": act, "WGT_W": wgt}
    harness.verilate("npu_transposer", ["npu_transposer"], params, HERE / "bench.cpp")


@pytest.mark.parametrize("size", [1, 2, 16, 64])
def test_lint(size):
    harness.lint("npu_transposer", ["npu_transposer"], {"SIZE": size})
