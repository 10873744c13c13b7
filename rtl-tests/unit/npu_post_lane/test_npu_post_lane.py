"""Requantization at the ties of every scale's exponent."""

import pathlib

import harness

HERE = pathlib.Path(__file__).parent
SOURCES = ["npu_post_lane", "npu_i2f", "npu_f2i", "npu_f32_mul", "npu_f32_add"]
PARAMS = {"ACT_W": 8, "ENABLE_RESIDUAL": 0}


def test_ties_of_all_exponents(every=4):
    print(harness.verilate("npu_post_lane", SOURCES, PARAMS, HERE / "bench.cpp", [str(every)]))
