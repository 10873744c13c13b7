"""npu_banked_ram: random traffic of all clients against an array."""

import pathlib

import pytest

import harness

HERE = pathlib.Path(__file__).parent
SOURCES = ["npu_banked_ram", "npu_ram_1r1w"]


@pytest.mark.parametrize(
    "banks, depth, interleave, lanes, lane_w, readers, writers",
    [(4, 16, 0, 4, 8, 2, 2), (8, 32, 1, 16, 4, 5, 3), (8, 32, 0, 16, 4, 5, 3),
     (1, 64, 0, 1, 16, 4, 3), (1, 64, 1, 1, 16, 4, 3), (3, 8, 0, 2, 32, 5, 3), (2, 8, 1, 2, 32, 5, 3)],
)
def test_random_traffic(banks, depth, interleave, lanes, lane_w, readers, writers):
    params = {"NUM_BANKS": banks, "BANK_DEPTH": depth, "INTERLEAVE": interleave, "LANES": lanes,
              "LANE_W": lane_w, "NUM_RD": readers, "NUM_WR": writers}
    harness.verilate("npu_banked_ram", SOURCES, params, HERE / "bench.cpp")


@pytest.mark.parametrize("banks, depth, lanes", [(4, 16, 4), (1, 2, 1), (16, 1048576, 16)])
def test_lint(banks, depth, lanes):
    params = {"NUM_BANKS": banks, "BANK_DEPTH": depth, "LANES": lanes}
    harness.lint("npu_banked_ram", SOURCES, params)
