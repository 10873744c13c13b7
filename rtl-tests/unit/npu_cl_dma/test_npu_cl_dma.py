"""The custom logic's ways to memory, with cocotbext-axi's masters and memories as independent models:
copies between card and host by npu_cl_dma, while a host reads and writes the same DRAM."""

import itertools
import pathlib
import random

import cocotb
import harness
import pytest
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge, with_timeout
from cocotbext.axi import AxiBus, AxiMaster, AxiRam, AxiResp

HERE = pathlib.Path(__file__).parent
SOURCES = [str(HERE / "cl_memory_bench.v"), "npu_cl_dma", "npu_cl_axi_port", "npu_cl_axi_mux",
           "npu_cl_arbiter", "npu_fifo", "npu_skid_buffer", "npu_ram_1r1w"]
MEMORY = 1 << 16
BEAT = 16
PAGE = 4096


@pytest.mark.parametrize("seed", [1, 2])
def test_copies(seed):
    harness.icarus("cl_memory_bench", SOURCES, __file__, testcase="copies", seed=seed)


def test_small_slots():
    harness.icarus("cl_memory_bench", SOURCES, __file__, {"SLOTS": 2, "SLOT_BEATS": 2}, "copies")


def test_errors():
    harness.icarus("cl_memory_bench", SOURCES, __file__, testcase="errors")


def test_not_calibrated():
    harness.icarus("cl_memory_bench", SOURCES, __file__, testcase="not_calibrated")


class Rules:
    """What the shell demands of the host's bus."""

    def __init__(self, dut):
        self.dut = dut
        self.reads = set()
        self.bursts = 0
        cocotb.start_soon(self.watch())

    async def watch(self):
        dut = self.dut
        while True:
            await RisingEdge(dut.clk)
            await ReadOnly()
            if int(dut.rst.value):
                continue
            assert int(dut.host_rready.value) and int(dut.host_bready.value), "R or B is held back"
            for channel in ("aw", "ar"):
                if int(getattr(dut, f"host_{channel}valid").value):
                    address = int(getattr(dut, f"host_{channel}addr").value)
                    size = (int(getattr(dut, f"host_{channel}len").value) + 1) * BEAT
                    assert address % BEAT == 0
                    assert address // PAGE == (address + size - 1) // PAGE, "4 KiB crossed"
            if int(dut.host_arvalid.value) and int(dut.host_arready.value):
                tag = int(dut.host_arid.value)
                assert tag not in self.reads, "two reads with one ID"
                self.reads.add(tag)
                self.bursts += 1
            if int(dut.host_rvalid.value) and int(dut.host_rlast.value):
                self.reads.discard(int(dut.host_rid.value))


async def start(dut, seed=1, ready=1):
    """Clock, models with random pauses, reset."""
    rng = random.Random(seed)

    def pauses(share):
        return itertools.cycle([int(rng.random() < share) for _ in range(997)])

    cocotb.start_soon(Clock(dut.clk, 4, "ns").start())
    for name in ("push", "push_to_host", "push_card", "push_host", "push_length", "clear",
                 "notify_enable", "notify_address"):
        getattr(dut, name).value = 0
    dut.memory_ready.value = ready
    dut.rst.value = 1
    master = AxiMaster(AxiBus.from_prefix(dut, "pcis"), dut.clk, dut.rst)
    host = AxiRam(AxiBus.from_prefix(dut, "host"), dut.clk, dut.rst, size=MEMORY)
    card = AxiRam(AxiBus.from_prefix(dut, "ddr"), dut.clk, dut.rst, size=MEMORY)
    for ram in (host, card):
        for channel in (ram.write_if.aw_channel, ram.write_if.w_channel, ram.write_if.b_channel,
                        ram.read_if.ar_channel, ram.read_if.r_channel):
            channel.set_pause_generator(pauses(0.3))
    for channel in (master.write_if.b_channel, master.read_if.r_channel,
                    master.write_if.w_channel, master.write_if.aw_channel):
        channel.set_pause_generator(pauses(0.3))
    for _ in range(4):
        await RisingEdge(dut.clk)
    dut.rst.value = 0
    await RisingEdge(dut.clk)
    return rng, master, host, card


async def push(dut, to_host, card, host, length):
    await RisingEdge(dut.clk)  # until the descriptor before counts in `free`
    while int(dut.free.value) == 0:
        await RisingEdge(dut.clk)
    dut.push_to_host.value = int(to_host)
    dut.push_card.value = card
    dut.push_host.value = host
    dut.push_length.value = length
    dut.push.value = 1
    await RisingEdge(dut.clk)
    dut.push.value = 0


async def settle(dut):
    await RisingEdge(dut.clk)
    await RisingEdge(dut.clk)
    while int(dut.busy.value):
        await RisingEdge(dut.clk)


@cocotb.test()
async def copies(dut):
    """Random descriptors both ways, in an order their data depends on, beside a host's traffic."""
    rng, master, host, card = await start(dut, random.randrange(1 << 30))
    rules = Rules(dut)
    model = {True: bytearray(MEMORY), False: bytearray(MEMORY)}  # host, card
    for to_host, ram in ((True, host), (False, card)):
        model[to_host][:] = rng.randbytes(MEMORY)
        ram.write(0, bytes(model[to_host]))
    # The host keeps to the last quarter of the DRAM, the copies to the rest.
    quarter = 3 * MEMORY // 4
    stop = []

    async def traffic():
        while not stop:
            address = quarter + rng.randrange(MEMORY // 4 - 600)
            data = rng.randbytes(rng.randrange(1, 500))
            done = await master.write(address, data)
            assert done.resp == AxiResp.OKAY
            got = await master.read(address, len(data))
            assert got.resp == AxiResp.OKAY and got.data == data
            beyond = await master.read(MEMORY + rng.randrange(MEMORY), 40)
            assert beyond.resp == AxiResp.DECERR
            # A refused write with others right before and behind it.
            other = rng.randbytes(len(data))
            writes = [cocotb.start_soon(master.write(place, text)) for place, text in
                      ((address, data), (MEMORY * 16, other), (address, other))]
            found = [(await write).resp for write in writes]
            assert found == [AxiResp.OKAY, AxiResp.DECERR, AxiResp.OKAY]
            assert (await master.read(address, len(other))).data == other

    runner = cocotb.start_soon(traffic())
    count = 30
    dut.notify_enable.value = 1
    dut.notify_address.value = MEMORY - 64
    for _ in range(count):
        to_host = rng.random() < 0.5
        length = rng.choice([1, 15, 16, 17, 64, 4096, rng.randrange(1, 6000)])
        there = rng.randrange((quarter - length) // BEAT) * BEAT
        here = rng.randrange((MEMORY - 128 - length) // BEAT) * BEAT
        source, place = (there, here) if to_host else (here, there)
        data = model[not to_host][source:source + length]
        model[to_host][place:place + length] = data
        await with_timeout(cocotb.start_soon(push(dut, to_host, there, here, length)), 200, "us")
        # Descriptors may be under way together: in one direction none reads what another writes,
        # and one in the other direction waits for all before it.
    stop.append(True)
    await with_timeout(runner, 200, "us")
    await settle(dut)
    assert int(dut.done_count.value) == count and not int(dut.error.value)
    assert int.from_bytes(host.read(MEMORY - 64, 4), "little") == count
    expected = bytes(model[True][:MEMORY - 64])
    assert host.read(0, MEMORY - 64) == expected
    assert card.read(0, quarter) == bytes(model[False][:quarter])
    assert rules.bursts > 10


@cocotb.test()
async def errors(dut):
    """A descriptor beyond the DRAM stops the engine; cleared, it goes on."""
    _, _, host, card = await start(dut)
    card.write(0, bytes(range(256)) * 16)
    for to_host, side in ((True, 0), (False, 1)):
        before = int(dut.done_count.value)
        irqs = []

        async def count():
            while True:
                await RisingEdge(dut.clk)
                if int(dut.irq.value):
                    irqs.append(True)

        counting = cocotb.start_soon(count())
        await push(dut, to_host, MEMORY + 64, 0, 300)
        for _ in range(3):
            if int(dut.free.value):
                await push(dut, to_host, 0, 4096, 64)
        await with_timeout(cocotb.start_soon(settle(dut)), 200, "us")
        for _ in range(4):
            await RisingEdge(dut.clk)
        counting.cancel()
        assert int(dut.error.value) and int(dut.error_response.value) == 3
        assert int(dut.error_side.value) == side
        assert int(dut.done_count.value) == before and int(dut.free.value) == 0
        assert len(irqs) == 1
        dut.clear.value = 1
        await RisingEdge(dut.clk)
        dut.clear.value = 0
        await RisingEdge(dut.clk)
        assert not int(dut.error.value)
        await push(dut, True, 16, 8192, 100)
        await with_timeout(cocotb.start_soon(settle(dut)), 200, "us")
        assert int(dut.done_count.value) == before + 1
        assert host.read(8192, 100) == card.read(16, 100)


@cocotb.test()
async def not_calibrated(dut):
    """Before the DRAM is there every access is answered all the same."""
    _, master, _, _ = await start(dut, ready=0)
    assert (await with_timeout(master.write(0, b"x" * 100), 200, "us")).resp == AxiResp.DECERR
    assert (await with_timeout(master.read(0, 100), 200, "us")).resp == AxiResp.DECERR
    dut.memory_ready.value = 1
    for _ in range(4):
        await RisingEdge(dut.clk)
    assert (await with_timeout(master.write(0, b"x" * 100), 200, "us")).resp == AxiResp.OKAY
    got = await with_timeout(master.read(0, 100), 200, "us")
    assert got.resp == AxiResp.OKAY and got.data == b"x" * 100
