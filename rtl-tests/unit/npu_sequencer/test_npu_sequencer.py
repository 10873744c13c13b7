"""npu_sequencer against a plain account of its queue, with random traffic on all sides."""

import pathlib

import pytest

import harness

HERE = pathlib.Path(__file__).parent
SOURCES = ["npu_sequencer", "npu_fifo", "npu_fifo_ram", "npu_ram_1r1w"]


@pytest.mark.parametrize("depth, launches", [(4, 4), (32, 2), (64, 4), (33, 7)])
def test_random_traffic(depth, launches):
    harness.verilate("npu_sequencer", SOURCES, {"QUEUE_DEPTH": depth, "MAX_LAUNCHES": launches},
                     HERE / "bench.cpp", args=[1, 40000])


@pytest.mark.parametrize("depth", [16, 512])
def test_lint(depth):
    harness.lint("npu_sequencer", SOURCES, {"QUEUE_DEPTH": depth})
