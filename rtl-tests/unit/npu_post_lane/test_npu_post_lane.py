"""Requantization at the ties of every scale's exponent; residual addition of all pairs."""

import pathlib

import pytest

import harness

HERE = pathlib.Path(__file__).parent
SOURCES = ["npu_post_lane", "npu_i2f", "npu_f2i", "npu_f32_mul", "npu_fma_int", "npu_shift"]
PARAMS = {"ACT_W": 8, "ENABLE_RESIDUAL": 0}


def test_ties_of_all_exponents(every=4):
    print(harness.verilate("npu_post_lane", SOURCES, PARAMS, HERE / "bench.cpp", [str(every)]))


@pytest.mark.parametrize("bits, rounds", [(8, 60), (4, 2000)])
def test_residual_of_all_pairs(bits, rounds):
    print(harness.verilate("npu_post_lane", SOURCES, {"ACT_W": bits, "ENABLE_RESIDUAL": 1},
                           HERE / "residual.cpp", [str(rounds)]))
