"""npu_post and its lanes against binary32 arithmetic in C++."""

import pathlib

import pytest

import harness

HERE = pathlib.Path(__file__).parent
LANE = ["npu_post_lane", "npu_i2f", "npu_f2i", "npu_f32_mul", "npu_fma_int", "npu_shift"]
SOURCES = ["npu_post", *LANE, "npu_delay", "npu_table", "npu_ram_1r1w"]
SHAPES = [
    {"LANES": 4, "ACT_W": 8, "TABLES": 3, "ENABLE_RESIDUAL": 1, "ENABLE_LOOKUP": 1},
    {"LANES": 3, "ACT_W": 16, "TABLES": 1, "ENABLE_RESIDUAL": 1, "ENABLE_LOOKUP": 0},
    {"LANES": 5, "ACT_W": 4, "TABLES": 8, "ENABLE_RESIDUAL": 0, "ENABLE_LOOKUP": 1},
    {"LANES": 1, "ACT_W": 8, "TABLES": 1, "ENABLE_RESIDUAL": 0, "ENABLE_LOOKUP": 0},
]


@pytest.mark.parametrize("params", SHAPES)
def test_against_binary32(params):
    harness.verilate("npu_post", SOURCES, params, HERE / "bench.cpp", args=["100000", "1"])


@pytest.mark.parametrize("params", [{}, *SHAPES])
def test_lint(params):
    harness.lint("npu_post", SOURCES, params)


def test_lint_parts():
    harness.lint("npu_post_lane", LANE)
    harness.lint("npu_table", ["npu_table", "npu_ram_1r1w"])
    for name in [*LANE[1:], "npu_delay"]:
        harness.lint(name, [name])
