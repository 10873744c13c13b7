"""npu_fma_int against the processor's fused multiply-add."""

import pathlib

import pytest

import harness

HERE = pathlib.Path(__file__).parent


def run(bits, count, seed=1):
    return harness.verilate("npu_fma_int", ["npu_fma_int"], {"INT_W": bits}, HERE / "bench.cpp",
                            args=[str(count), str(seed)], timeout=36000)


@pytest.mark.parametrize("bits, count", [(4, 1000000), (8, 10000000), (16, 1000000)])
def test_against_processor(bits, count):
    print(run(bits, count))


@pytest.mark.parametrize("bits", [4, 5, 8, 13, 16])
def test_lint(bits):
    harness.lint("npu_fma_int", ["npu_fma_int"], {"INT_W": bits})
