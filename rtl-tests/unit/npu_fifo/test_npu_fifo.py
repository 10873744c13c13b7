"""npu_fifo against a queue in C++ (random traffic) and, in cocotb, order under full load."""

import os
import pathlib

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

import harness

HERE = pathlib.Path(__file__).parent


@pytest.mark.parametrize("depth", [2, 3, 4, 7])
def test_random_traffic(depth):
    harness.verilate("npu_fifo", ["npu_fifo"], {"WIDTH": 12, "DEPTH": depth}, HERE / "bench.cpp")


def test_lint():
    harness.lint("npu_fifo", ["npu_fifo"])


def test_order():
    harness.icarus("npu_fifo", ["npu_fifo"], __file__, {"WIDTH": 16, "DEPTH": 5})


@cocotb.test()
async def words_leave_in_order(dut):
    """One word in and out per cycle after the first."""
    assert os.environ["PARAM_DEPTH"] == "5"
    cocotb.start_soon(Clock(dut.clk, 4, "ns").start())
    dut.rst.value = 1
    dut.push_valid.value = 0
    dut.pop_ready.value = 0
    await RisingEdge(dut.clk)
    await RisingEdge(dut.clk)
    dut.rst.value = 0
    dut.push_valid.value = 1
    dut.pop_ready.value = 1
    seen = []
    for count in range(100):
        dut.push_data.value = count
        await ReadOnly()
        if int(dut.pop_valid.value):
            seen.append(int(dut.pop_data.value))
        await RisingEdge(dut.clk)
    assert seen == list(range(99)), seen
