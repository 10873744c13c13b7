"""npu_store_datapath against docs/machine.md with an independent AXI memory (cocotbext-axi)."""

import collections
import logging
import os
import pathlib
import random

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge
from cocotbext.axi import AxiRamWrite, AxiWriteBus

import dma_reference
import harness

HERE = pathlib.Path(__file__).parent
SOURCES = [str(HERE / "store_bench.v"), "npu_store_datapath", "npu_store_pack", "npu_store_unit",
           "npu_store_words", "npu_word_nest", "npu_byte_rotate", "npu_dma_runs", "npu_axi_writer",
           "npu_axi_bursts", "npu_fifo", "npu_fifo_ram", "npu_ram_1r1w", "npu_loop_nest",
           "npu_loop_track"]


def parameters(bus, words, **others):
    """Parameters of the datapath for a bus and word bytes of IBUF, VMEM."""
    params = {"BUS_W": bus}
    for name, word in zip(dma_reference.STORE_BUFFERS, words):
        params[f"{name}_WORD_BYTES"] = word
        params[f"{name}_UNIT_BYTES"] = dma_reference.unit_bytes(name, word, bus // 8)
    params.update(others)
    return params


CASES = {
    "bus128_16x16": parameters(128, [16, 64], ADDR_W=40),
    "bus32_7x7": parameters(32, [7, 28], ADDR_W=32, OUTSTANDING=3, FIFO_BEATS=16),
    "bus64_1x1": parameters(64, [1, 4], ADDR_W=33, MAX_BURST=3, FIFO_BEATS=8),
    "bus512_16x64": parameters(512, [16, 64], MAX_BURST=64, OUTSTANDING=4),
    "bus128_24x12": parameters(128, [24, 48], MAX_BURST=1, OUTSTANDING=2),
    "bus1024_256": parameters(1024, [256, 512], MAX_BURST=32),
}


@pytest.mark.parametrize("case", CASES)
def test_random_launches(case):
    for seed in (1, 2):
        harness.icarus("store_bench", SOURCES, __file__, CASES[case], "random_launches", seed=seed)


def test_faults():
    harness.icarus("store_bench", SOURCES, __file__, CASES["bus128_16x16"], "faults")


def test_halt():
    harness.icarus("store_bench", SOURCES, __file__, CASES["bus128_16x16"], "halt_finishes_bursts")


@pytest.mark.parametrize("outstanding", [16, 64])
def test_speed(outstanding):
    params = parameters(128, [16, 64], ADDR_W=40, OUTSTANDING=outstanding)
    print(harness.verilate("npu_store_datapath", SOURCES[1:], params, HERE / "speed.cpp"))


@pytest.mark.parametrize("top", ["npu_store_datapath", "npu_store_pack", "npu_store_words",
                                 "npu_store_unit", "npu_axi_writer"])
def test_lint(top):
    # Verilator complains about modules outside the top's hierarchy: give each what it needs.
    needs = {
        "npu_store_datapath": SOURCES[2:],
        "npu_store_pack": ["npu_store_unit", "npu_byte_rotate"],
        "npu_store_words": ["npu_word_nest", "npu_loop_nest", "npu_loop_track", "npu_fifo"],
        "npu_store_unit": [],
        "npu_axi_writer": ["npu_axi_bursts", "npu_fifo", "npu_fifo_ram", "npu_ram_1r1w"],
    }
    harness.lint(top, [top, *needs[top]])


@pytest.mark.parametrize("case", CASES)
def test_lint_case(case):
    harness.lint("npu_store_datapath", SOURCES[1:], CASES[case])


# ---- Simulation -----------------------------------------------------------------------------

BUS_BYTES = int(os.environ.get("PARAM_BUS_W", "128")) // 8
WORDS = [int(os.environ.get(f"PARAM_{name}_WORD_BYTES", "4"))
         for name in dma_reference.STORE_BUFFERS]
CONTENT = random.Random(77).randbytes(1 << 16)


def buffer_word(function, address):
    """What the buffers hold: every word of the whole address space is defined."""
    word = WORDS[function]
    at = (address * word + 977 * function) % (len(CONTENT) - word)
    return CONTENT[at:at + word]


class FaultyRam(AxiRamWrite):
    """Answers with an error to bursts that touch the byte `bad`."""

    bad = None

    async def _write(self, address, data):
        if self.bad is not None and address <= self.bad < address + len(data):
            raise ValueError("planted error")
        await super()._write(address, data)


class Bench:
    """Clock, buffers that answer after three cycles, DRAM."""

    def __init__(self, dut, rng):
        self.dut = dut
        self.rng = rng
        self.reads = []
        self.done = 0
        self.rd_rate = 1.0
        logging.getLogger("cocotb").setLevel(logging.WARNING)
        self.ram = None
        self.image = bytearray(rng.randbytes(2**18))

    async def start(self):
        dut = self.dut
        cocotb.start_soon(Clock(dut.clk, 4, "ns").start())
        for name in ("halt", "launch_valid", "ibuf_rd_ready", "vmem_rd_ready",
                     "ibuf_rd_data_valid", "vmem_rd_data_valid"):
            getattr(dut, name).value = 0
        dut.rst.value = 1
        for _ in range(3):
            await RisingEdge(dut.clk)
        # The bus model refuses undefined signals, so it comes to life after the reset.
        self.ram = FaultyRam(AxiWriteBus.from_prefix(dut, "m_axi"), dut.clk, size=2**18)
        self.ram.write(0, bytes(self.image))
        dut.rst.value = 0
        await RisingEdge(dut.clk)
        cocotb.start_soon(self._serve())

    def stalls(self, channel, rate):
        def generate():
            while True:
                yield self.rng.random() < rate
        channel.set_pause_generator(generate())

    async def _serve(self):
        dut = self.dut
        names = ["ibuf", "vmem"]
        ports = [[getattr(dut, f"{name}_rd_{signal}") for signal in
                  ("valid", "ready", "addr", "data_valid", "data")] for name in names]
        pipe = collections.deque([None, None])
        held = [None, None]
        while True:
            for port in ports:
                port[1].value = int(self.rng.random() < self.rd_rate)
            await ReadOnly()
            self.done += int(dut.launch_done.value)
            entry = None
            for function, (valid, ready, addr, _, _) in enumerate(ports):
                if not int(valid.value):
                    assert held[function] is None, "a waiting request vanished"
                    continue
                address = int(addr.value)
                assert held[function] in (None, address), "a waiting request changed"
                held[function] = address
                if int(ready.value):
                    assert entry is None
                    entry = (function, address)
                    self.reads.append(entry)
                    held[function] = None
            pipe.append(entry)
            await RisingEdge(dut.clk)
            answer = pipe.popleft()
            for function, port in enumerate(ports):
                mine = answer is not None and answer[0] == function
                port[3].value = int(mine)
                if mine:
                    port[4].value = int.from_bytes(buffer_word(*answer), "little")

    async def launch(self, launch, limit=2000):
        dut = self.dut
        dut.launch_function.value = launch.function
        dut.region_base.value = launch.region_base
        dut.region_size.value = launch.region_size
        dut.dram_offset.value = launch.offset
        dut.src_addr.value = launch.addr
        dut.run_bytes.value = launch.run_bytes
        dut.group_bytes.value = launch.group_bytes
        dut.loop_count.value = dma_reference.flat(launch.loop_count, 16)
        dut.loop_stride.value = dma_reference.flat(launch.loop_stride, 32)
        dut.word_count.value = dma_reference.flat(launch.word_count, 24)
        dut.word_stride.value = dma_reference.flat(launch.word_stride, 24)
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

    def expect(self, launch):
        """Apply a launch to the expected image; returns the expected reads."""
        written, read = dma_reference.store(
            launch, lambda address: buffer_word(launch.function, address), WORDS[launch.function])
        for address, byte in written.items():
            self.image[address] = byte
        return [(launch.function, address) for address in read]

    def compare(self):
        got = self.ram.read(0, len(self.image))
        for address, (left, right) in enumerate(zip(got, self.image)):
            assert left == right, f"byte {address:#x}: got {left:#x}, expected {right:#x}"


def plain(**changes):
    """64 bytes from IBUF, as a start for special cases."""
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
    reads = []
    count = 0
    for round_number in range(16):
        calm = round_number % 3 == 0
        bench.stalls(bench.ram.aw_channel, 0.0 if calm else 0.4)
        bench.stalls(bench.ram.w_channel, 0.0 if calm else 0.3)
        bench.stalls(bench.ram.b_channel, 0.0 if calm else 0.3)
        bench.rd_rate = 1.0 if calm else rng.choice([0.3, 0.8])
        for _ in range(rng.randint(1, 4)):
            launch = dma_reference.random_launch(rng, range(2), WORDS, False, rng.random() < 0.3)
            reads += bench.expect(launch)
            count += 1
            assert await bench.launch(launch, 100000), f"not accepted: {launch}"
        if rng.random() < 0.5:
            reached = await bench.wait(lambda: bench.done == count, 100000)
            assert reached, f"launch {bench.done} of {count} does not end: {launch}"
            # Done means written: the memory must hold it now.
            bench.compare()
    assert await bench.wait(lambda: bench.done == count, 200000)
    bench.compare()
    assert bench.reads == reads
    await bench.wait(lambda: False, 20)
    assert bench.done == count
    assert int(dut.quiet.value) == 1
    assert int(dut.stall_memory.value) == 0
    assert int(dut.fault_valid.value) == 0


@cocotb.test()
async def faults(dut):
    bench = Bench(dut, random.Random(5))
    await bench.start()

    async def reset():
        await RisingEdge(dut.clk)
        dut.rst.value = 1
        await RisingEdge(dut.clk)
        dut.rst.value = 0
        await RisingEdge(dut.clk)
        bench.done = 0

    # A launch right up to the region's end is legal, one byte more is not; nor is one before it.
    last = plain(offset=0x1000 - 64)
    bench.expect(last)
    assert await bench.launch(last)
    assert await bench.wait(lambda: bench.done == 1, 500)
    bench.done = 0
    for launch, address in [
        (plain(offset=0x1000 - 63), 0x11000 - 63),
        (plain(offset=0, loop_count=[2, 1, 1, 1], loop_stride=[-1, 0, 0, 0]), 0x10000 - 1),
        (plain(offset=0xFFFFFFFFFF), (0x10000 + 0xFFFFFFFFFF) & 0xFFFFFFFFFF),
    ]:
        assert await bench.launch(launch)
        assert await bench.wait_fault() == (6, address)
        await bench.wait(lambda: False, 100)
        assert bench.done == 0
        await reset()
    bench.expect(plain())                          # the run before the bad one was legal
    for changes, cause in [
        (dict(function=2), 2), (dict(function=127), 2), (dict(run_bytes=0), 4),
        (dict(group_bytes=0), 4), (dict(word_count=[1, 0, 1]), 4), (dict(word_count=[1, 1, 0]), 4),
        (dict(word_count=[0, 1, 1]), 4), (dict(loop_count=[0, 1, 1, 1]), 4),
        (dict(loop_count=[1, 0, 1, 1]), 4), (dict(loop_count=[1, 1, 0, 1]), 4),
        (dict(loop_count=[1, 1, 1, 0]), 4),
    ]:
        await reset()
        assert not await bench.launch(plain(**changes), limit=5)
        assert (await bench.wait_fault(5))[0] == cause, changes
    bench.compare()
    # An error response names its burst, and the launch is never done.
    await reset()
    bench.ram.bad = 0x10000 + 0x305
    assert await bench.launch(plain(offset=0x100, run_bytes=1024, group_bytes=1024))
    assert await bench.wait_fault() == (8, 0x10300)
    await bench.wait(lambda: False, 400)
    assert not bench.done
    assert int(dut.quiet.value) == 1


@cocotb.test()
async def halt_finishes_bursts(dut):
    bench = Bench(dut, random.Random(6))
    await bench.start()
    assert await bench.launch(plain(run_bytes=3000, group_bytes=3000))
    await bench.wait(lambda: int(dut.quiet.value) == 0, 100)
    dut.halt.value = 1
    started = finished = 0
    await RisingEdge(dut.clk)
    for _ in range(400):
        await ReadOnly()
        started += int(dut.m_axi_awvalid.value) and int(dut.m_axi_awready.value)
        finished += int(dut.m_axi_bvalid.value) and int(dut.m_axi_bready.value)
        await RisingEdge(dut.clk)
    assert started <= 1, "only an address that was up already may still go out"
    assert finished >= 1, "the burst that had begun must end"
    assert int(dut.quiet.value) == 1
    assert not bench.done
