"""npu_load_datapath against docs/machine.md with an independent AXI memory (cocotbext-axi)."""

import logging
import os
import pathlib
import random

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge
from cocotbext.axi import AxiReadBus, AxiRamRead

import dma_reference
import harness

HERE = pathlib.Path(__file__).parent
SOURCES = [str(HERE / "load_bench.v"), "npu_load_datapath", "npu_load_pack", "npu_word_nest",
           "npu_byte_rotate", "npu_skid_buffer", "npu_dma_runs", "npu_axi_reader",
           "npu_axi_bursts", "npu_fifo", "npu_fifo_ram", "npu_ram_1r1w", "npu_loop_nest",
           "npu_loop_track"]


def parameters(bus, words, **others):
    """Parameters of the datapath for a bus and word bytes of IBUF, WBUF, PBUF, VMEM."""
    units = [dma_reference.unit_bytes(name, word, bus // 8)
             for name, word in zip(dma_reference.LOAD_BUFFERS, words)]
    params = {"BUS_W": bus, "UNIT_MAX": max([4, *units]), "UNIT_W": 10}
    for name, word, unit in zip(dma_reference.LOAD_BUFFERS, words, units):
        params[f"{name}_WORD_BYTES"] = word
        params[f"{name}_UNIT_BYTES"] = unit
    params.update(others)
    return params


CASES = {
    "bus128_16x16": parameters(128, [16, 16, 128, 64], ADDR_W=40),
    "bus32_7x7": parameters(32, [7, 7, 56, 28], ADDR_W=32, OUTSTANDING=3, FIFO_BEATS=16),
    "bus64_1x1": parameters(64, [1, 1, 8, 4], ADDR_W=33, MAX_BURST=3, FIFO_BEATS=8),
    "bus512_16x64": parameters(512, [16, 64, 512, 64], MAX_BURST=64, OUTSTANDING=4),
    "bus128_24x12": parameters(128, [24, 24, 96, 48], MAX_BURST=1, OUTSTANDING=2),
    "bus1024_256": parameters(1024, [256, 256, 2048, 512], MAX_BURST=256),
}


@pytest.mark.parametrize("case", CASES)
def test_random_launches(case):
    for seed in (1, 2):
        harness.icarus("load_bench", SOURCES, __file__, CASES[case], "random_launches", seed=seed)


def test_faults():
    harness.icarus("load_bench", SOURCES, __file__, CASES["bus128_16x16"], "faults")


def test_halt():
    harness.icarus("load_bench", SOURCES, __file__, CASES["bus128_16x16"], "halt_finishes_bursts")


@pytest.mark.parametrize("outstanding", [32, 64])
def test_speed(outstanding):
    params = parameters(128, [16, 16, 128, 64], ADDR_W=40, OUTSTANDING=outstanding, FIFO_BEATS=512)
    print(harness.verilate("npu_load_datapath", SOURCES[1:], params, HERE / "speed.cpp"))


@pytest.mark.parametrize("top", ["npu_load_datapath", "npu_load_pack", "npu_dma_runs",
                                 "npu_word_nest", "npu_byte_rotate"])
def test_lint(top):
    harness.lint(top, SOURCES[1:] if top == "npu_load_datapath" else
                 ["npu_load_pack", "npu_word_nest", "npu_byte_rotate", "npu_skid_buffer",
                  "npu_dma_runs", "npu_loop_nest", "npu_loop_track"])


@pytest.mark.parametrize("case", CASES)
def test_lint_case(case):
    harness.lint("npu_load_datapath", SOURCES[1:], CASES[case])


# ---- Simulation -----------------------------------------------------------------------------

BUS_BYTES = int(os.environ.get("PARAM_BUS_W", "128")) // 8
UNIT_MAX = int(os.environ.get("PARAM_UNIT_MAX", "16"))
WORDS = [int(os.environ.get(f"PARAM_{name}_WORD_BYTES", "4"))
         for name in dma_reference.LOAD_BUFFERS]
UNITS = [int(os.environ.get(f"PARAM_{name}_UNIT_BYTES", "4"))
         for name in dma_reference.LOAD_BUFFERS]


class FaultyRam(AxiRamRead):
    """Answers with an error to bursts that touch the byte `bad`."""

    bad = None

    async def _read(self, address, length):
        if self.bad is not None and address <= self.bad < address + length:
            raise ValueError("planted error")
        return await super()._read(address, length)


class Bench:
    """Clock, memory and what came out of the buffer port."""

    def __init__(self, dut, rng):
        self.dut = dut
        self.rng = rng
        self.writes = []
        self.done = []                             # number of writes before each launch_done
        self.cycle = 0
        self.buf_rate = 1.0
        logging.getLogger("cocotb").setLevel(logging.WARNING)
        self.ram = None
        self.content = bytes(rng.randrange(256) for _ in range(2**18))

    async def start(self):
        dut = self.dut
        cocotb.start_soon(Clock(dut.clk, 4, "ns").start())
        for name in ("halt", "launch_valid", "buf_ready"):
            getattr(dut, name).value = 0
        dut.rst.value = 1
        for _ in range(3):
            await RisingEdge(dut.clk)
        # The bus model refuses undefined signals, so it comes to life after the reset.
        self.ram = FaultyRam(AxiReadBus.from_prefix(dut, "m_axi"), dut.clk, size=2**18)
        self.ram.write(0, self.content)
        dut.rst.value = 0
        await RisingEdge(dut.clk)
        cocotb.start_soon(self._collect())

    def stalls(self, channel, rate):
        def generate():
            while True:
                yield self.rng.random() < rate
        channel.set_pause_generator(generate())

    async def _collect(self):
        dut = self.dut
        held = None
        while True:
            dut.buf_ready.value = int(self.rng.random() < self.buf_rate)
            await ReadOnly()
            if int(dut.launch_done.value):
                self.done.append(len(self.writes))
            if int(dut.buf_valid.value):
                entry = (int(dut.buf_select.value), int(dut.buf_addr.value),
                         int(dut.buf_unit.value), dut.buf_data.value)
                assert held is None or held == entry, "a waiting unit changed"
                held = entry
                if int(dut.buf_ready.value):
                    # Lanes above the function's unit may be undefined.
                    bits = str(entry[3])[-8 * UNITS[entry[0]]:]
                    data = int(bits, 2).to_bytes(UNITS[entry[0]], "little")
                    self.writes.append((*entry[:3], data))
                    held = None
            else:
                assert held is None, "a waiting unit vanished"
            await RisingEdge(dut.clk)
            self.cycle += 1

    async def launch(self, launch, limit=2000):
        dut = self.dut
        dut.launch_function.value = launch.function
        dut.launch_clip.value = int(launch.clip)
        dut.region_base.value = launch.region_base
        dut.region_size.value = launch.region_size
        dut.dram_offset.value = launch.offset
        dut.dst_addr.value = launch.addr
        dut.run_bytes.value = launch.run_bytes
        dut.group_bytes.value = launch.group_bytes
        dut.loop_count.value = dma_reference.flat(launch.loop_count, 16)
        dut.loop_stride.value = dma_reference.flat(launch.loop_stride, 32)
        dut.word_count.value = dma_reference.flat(launch.word_count, 24)
        dut.word_stride.value = dma_reference.flat(launch.word_stride, 24)
        dut.fill.value = launch.fill
        dut.y_start.value = launch.y_start & 0xFFFF
        dut.y_limit.value = launch.y_limit
        dut.y_step.value = dma_reference.flat(launch.y_step, 12)
        dut.x_start.value = launch.x_start & 0xFFFFFF
        dut.x_limit.value = launch.x_limit
        dut.x_step.value = dma_reference.flat(launch.x_step, 12)
        dut.launch_valid.value = 1
        for _ in range(limit):
            await ReadOnly()
            taken = int(dut.launch_ready.value)
            await RisingEdge(dut.clk)
            if taken:
                dut.launch_valid.value = 0
                return True
        dut.launch_valid.value = 0
        return False

    async def wait(self, condition, limit):
        for _ in range(limit):
            if condition():
                return True
            await RisingEdge(self.dut.clk)
        return condition()

    async def wait_fault(self, limit=2000):
        for _ in range(limit):
            await ReadOnly()
            if int(self.dut.fault_valid.value):
                return int(self.dut.fault_cause.value), int(self.dut.fault_address.value)
            await RisingEdge(self.dut.clk)
        return None


def expected_writes(launch, content):
    words = dma_reference.load(launch, content, WORDS[launch.function])
    unit = UNITS[launch.function]
    return [(launch.function, addr, at // unit, data[at:at + unit])
            for addr, data in words for at in range(0, len(data), unit)]


def plain(**changes):
    """64 bytes to IBUF, as a start for special cases."""
    values = dict(function=0, region_base=0x10000, region_size=0x1000, offset=0, addr=0,
                  run_bytes=64, group_bytes=64, loop_count=[1] * 4, loop_stride=[0] * 4,
                  word_count=[1] * 3, word_stride=[0, 0, 0, 1])
    values.update(changes)
    return dma_reference.Launch(**values)


@cocotb.test()
async def random_launches(dut):
    rng = random.Random(int(os.environ["COCOTB_RANDOM_SEED"]) * 1000 + BUS_BYTES)
    bench = Bench(dut, rng)
    await bench.start()
    expected = []
    marks = []
    for round_number in range(16):
        calm = round_number % 3 == 0
        bench.stalls(bench.ram.ar_channel, 0.0 if calm else 0.4)
        bench.stalls(bench.ram.r_channel, 0.0 if calm else 0.3)
        bench.buf_rate = 1.0 if calm else rng.choice([0.3, 0.8])
        for _ in range(rng.randint(1, 4)):
            launch = dma_reference.random_launch(rng, range(6), WORDS, True, rng.random() < 0.3)
            expected += expected_writes(launch, bench.content)
            marks.append(len(expected))
            assert await bench.launch(launch, 100000), f"not accepted: {launch}"
        if rng.random() < 0.5:
            reached = await bench.wait(lambda: len(bench.done) == len(marks), 100000)
            assert reached, f"launch {len(bench.done)} of {len(marks)} does not end: {launch}"
    assert await bench.wait(lambda: len(bench.done) == len(marks), 200000)
    for position, (got, want) in enumerate(zip(bench.writes, expected)):
        assert got == want, f"write {position}: got {got}, expected {want}"
    assert len(bench.writes) == len(expected)
    assert bench.done == marks, "a launch was done before its last write, or not in order"
    assert int(dut.quiet.value) == 1
    assert int(dut.stall_memory.value) == 0
    assert int(dut.fault_valid.value) == 0


@cocotb.test()
async def faults(dut):
    rng = random.Random(5)
    bench = Bench(dut, rng)
    await bench.start()

    async def reset():
        await RisingEdge(dut.clk)
        dut.rst.value = 1
        await RisingEdge(dut.clk)
        dut.rst.value = 0
        await RisingEdge(dut.clk)
        bench.writes.clear()
        bench.done.clear()

    # A launch right up to the region's end is legal, one byte more is not; nor is one before it.
    assert await bench.launch(plain(offset=0x1000 - 64))
    assert await bench.wait(lambda: len(bench.done) == 1, 500)
    assert len(bench.writes) == 4
    for launch, address in [
        (plain(offset=0x1000 - 63), 0x11000 - 63),
        (plain(offset=100, loop_count=[2, 1, 1, 1], loop_stride=[-101, 0, 0, 0]), 0x10000 - 1),
        (plain(offset=0xFFFFFFFFFF), (0x10000 + 0xFFFFFFFFFF) & 0xFFFFFFFFFF),
    ]:
        assert await bench.launch(launch)
        assert await bench.wait_fault() == (6, address)
        await reset()
    # Fill lies outside without harm.
    clipped = plain(offset=0x1000 - 60, clip=True, x_limit=60)
    assert await bench.launch(clipped)
    assert await bench.wait(lambda: len(bench.done) == 1, 500)
    assert bench.writes == expected_writes(clipped, bench.content)
    # Illegal function, and a count of zero in each place.
    for changes, cause in [
        (dict(function=6), 2), (dict(function=127), 2), (dict(run_bytes=0), 4),
        (dict(group_bytes=0), 4), (dict(word_count=[1, 0, 1]), 4), (dict(word_count=[1, 1, 0]), 4),
        (dict(word_count=[0, 1, 1]), 4), (dict(loop_count=[0, 1, 1, 1]), 4),
        (dict(loop_count=[1, 0, 1, 1]), 4), (dict(loop_count=[1, 1, 0, 1]), 4),
        (dict(loop_count=[1, 1, 1, 0]), 4),
    ]:
        await reset()
        assert not await bench.launch(plain(**changes), limit=5)
        assert (await bench.wait_fault(5))[0] == cause, changes
    # An error response names its burst and no data of it is written.
    await reset()
    bench.ram.bad = 0x10000 + 0x305
    assert await bench.launch(plain(offset=0x100, run_bytes=1024, group_bytes=1024))
    assert await bench.wait_fault() == (7, 0x10300)
    await bench.wait(lambda: False, 200)
    assert not bench.done
    assert len(bench.writes) <= 0x200 // 16
    assert int(dut.quiet.value) == 1


@cocotb.test()
async def halt_finishes_bursts(dut):
    bench = Bench(dut, random.Random(6))
    await bench.start()
    assert await bench.launch(plain(run_bytes=3000, group_bytes=3000))
    await bench.wait(lambda: False, 30)
    assert int(dut.quiet.value) == 0
    dut.halt.value = 1
    accepted = 0
    await RisingEdge(dut.clk)
    for cycle in range(400):
        await ReadOnly()
        if int(dut.m_axi_arvalid.value) and int(dut.m_axi_arready.value):
            accepted += 1
        await RisingEdge(dut.clk)
    assert accepted <= 1, "only an address that was up already may still go out"
    assert int(dut.quiet.value) == 1
    assert not bench.done
