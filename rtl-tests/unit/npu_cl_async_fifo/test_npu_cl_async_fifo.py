"""npu_cl_async_fifo between clocks of several ratios and phases: nothing lost, doubled or swapped."""

import collections
import os
import random

import cocotb
import harness
import pytest
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge, Timer

SOURCES = ["npu_cl_async_fifo"]


@pytest.mark.parametrize("periods", [(4000, 4000), (4000, 8000), (8000, 4000), (4000, 4444),
                                     (3002, 10006), (10006, 3002)])
def test_order(periods):
    harness.icarus("npu_cl_async_fifo", SOURCES, __file__, {"WIDTH": 16, "DEPTH": 4},
                   env={"PERIODS": "%d %d" % periods})


@pytest.mark.parametrize("depth", [4, 32])
def test_lint(depth):
    harness.lint("npu_cl_async_fifo", SOURCES, {"DEPTH": depth})


@cocotb.test()
async def order(dut):
    push_period, pop_period = (int(word) for word in os.environ["PERIODS"].split())
    rng = random.Random(7)
    dut.push_rst.value = 1
    dut.pop_rst.value = 1
    dut.push_valid.value = 0
    dut.pop_ready.value = 0
    cocotb.start_soon(Clock(dut.push_clk, push_period, "ps").start())
    await Timer(1234, "ps")
    cocotb.start_soon(Clock(dut.pop_clk, pop_period, "ps").start())
    await Timer(10 * max(push_period, pop_period), "ps")
    for reset in (dut.push_rst, dut.pop_rst):
        clock = dut.push_clk if reset is dut.push_rst else dut.pop_clk
        await RisingEdge(clock)
        reset.value = 0
    sent = collections.deque()
    pushed = [0]
    full = [0]

    async def push():
        offered = None
        while True:
            if offered is None and rng.random() < share[0]:
                offered = rng.randrange(1 << 16)
                dut.push_data.value = offered
            dut.push_valid.value = int(offered is not None)
            await ReadOnly()
            ready = int(dut.push_ready.value)
            full[0] += not ready
            if offered is not None and ready:
                sent.append(offered)
                pushed[0] += 1
                offered = None
            await RisingEdge(dut.push_clk)

    share = [0.9]
    cocotb.start_soon(push())
    popped = empty = 0
    for _ in range(60000):
        if popped == 3000:
            break
        want = int(rng.random() < (0.9 if popped % 1000 < 600 else 0.3))
        share[0] = 0.2 if popped % 1000 > 800 else 0.9
        dut.pop_ready.value = want
        await ReadOnly()
        valid = int(dut.pop_valid.value)
        empty += not valid
        if valid and want:
            assert sent, "a word nobody sent"
            assert int(dut.pop_data.value) == sent.popleft()
            popped += 1
        await RisingEdge(dut.pop_clk)
    assert popped == 3000, f"{popped} words after so many cycles, {pushed[0]} pushed"
    # The write pointer can be seen one word ahead of the reader's list at most.
    assert pushed[0] - popped <= 4 + 1 and full[0] > 10 and empty > 10
