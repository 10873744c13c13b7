"""npu_axi_read_mux: addresses keep their order per client, beats return to who asked."""

import collections
import random

import cocotb
import harness
import pytest
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

SOURCES = ["npu_axi_read_mux", "npu_skid_buffer"]


def test_routing():
    harness.icarus("npu_axi_read_mux", SOURCES, __file__,
                   {"BUS_W": 32, "ADDR_W": 32, "ID_W": 2})


@pytest.mark.parametrize("id_w", [1, 4])
def test_lint(id_w):
    harness.lint("npu_axi_read_mux", SOURCES, {"ID_W": id_w})


@cocotb.test()
async def routing(dut):
    rng = random.Random(3)
    cocotb.start_soon(Clock(dut.clk, 4, "ns").start())
    dut.rst.value = 1
    for client in range(2):
        getattr(dut, f"s{client}_arvalid").value = 0
        getattr(dut, f"s{client}_rready").value = 1
    dut.m_axi_arready.value = 0
    dut.m_axi_rvalid.value = 0
    for _ in range(2):
        await RisingEdge(dut.clk)
    dut.rst.value = 0
    sent = [[], []]
    offered = [None, None]
    seen = [[], []]
    owed = collections.deque()
    returned = [0, 0]
    for cycle in range(2000):
        for client in range(2):
            if offered[client] is None and rng.random() < 0.5:
                offered[client] = (rng.randrange(1 << 32), rng.randrange(256))
                getattr(dut, f"s{client}_araddr").value = offered[client][0]
                getattr(dut, f"s{client}_arlen").value = offered[client][1]
            getattr(dut, f"s{client}_arvalid").value = int(offered[client] is not None)
        dut.m_axi_arready.value = int(rng.random() < 0.6)
        beat = owed[0] if owed and rng.random() < 0.8 else None
        dut.m_axi_rvalid.value = int(beat is not None)
        dut.m_axi_rid.value = 0 if beat is None else beat
        dut.m_axi_rdata.value = cycle
        dut.m_axi_rresp.value = 2
        dut.m_axi_rlast.value = 1
        await ReadOnly()
        for client in range(2):
            if offered[client] is not None and int(getattr(dut, f"s{client}_arready").value):
                sent[client].append(offered[client])
                offered[client] = None
            arrived = int(getattr(dut, f"s{client}_rvalid").value)
            assert arrived == int(beat == client), "a beat went to the wrong client"
            returned[client] += arrived
        if int(dut.m_axi_arvalid.value) and int(dut.m_axi_arready.value):
            owner = int(dut.m_axi_arid.value)
            seen[owner].append((int(dut.m_axi_araddr.value), int(dut.m_axi_arlen.value)))
            owed.append(owner)
        if beat is not None:
            assert int(dut.m_axi_rready.value) == 1
            assert int(dut.s_rdata.value) == cycle and int(dut.s_rresp.value) == 2
            owed.popleft()
        await RisingEdge(dut.clk)
    for client in range(2):
        assert seen[client] == sent[client][:len(seen[client])]
        assert len(sent[client]) - len(seen[client]) <= 2
        assert returned[client] > 100
