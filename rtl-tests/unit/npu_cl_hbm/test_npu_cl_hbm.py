"""The bridge to the HBM between cocotbext-axi's master and its memories: every byte in its place,
blocks within the rules of the ports, errors, and what one long transfer reaches."""

import itertools
import pathlib
import random

import cocotb
import harness
import pytest
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge, with_timeout
from cocotbext.axi import AxiBus, AxiMaster, AxiResp, AxiSlave, MemoryRegion

HERE = pathlib.Path(__file__).parent
SOURCES = [str(HERE / "cl_hbm_bench.v"), "npu_cl_hbm", "npu_cl_hbm_split", "npu_cl_hbm_port",
           "npu_fifo", "npu_skid_buffer"]
BLOCK = 512
BEHIND = 1 << 14                                   # bytes of a port that are used


@pytest.mark.parametrize(("width", "seed"), [(1, 1), (2, 2), (2, 3), (4, 4)])
def test_places(width, seed):
    harness.icarus("cl_hbm_bench", SOURCES, __file__, {"PORT_W": width}, "places", seed=seed)


def test_errors():
    harness.icarus("cl_hbm_bench", SOURCES, __file__, testcase="errors")


@pytest.mark.parametrize("width", [1, 2])
def test_throughput(width):
    harness.icarus("cl_hbm_bench", SOURCES, __file__, {"PORT_W": width}, "throughput")


class Memory(MemoryRegion):
    """What is behind a port; some of it is broken."""

    broken = range(0)                              # byte addresses; a beat's first counts

    async def read(self, address, length, **options):
        if address in self.broken:
            raise ValueError("broken")
        return await super().read(address, length, **options)

    async def write(self, address, data, **options):
        if address in self.broken:
            raise ValueError("broken")
        return await super().write(address, data, **options)


class Bench:
    """Clock, models with random pauses, reset, and what the ports may see."""

    def __init__(self, dut, pause):
        self.dut = dut
        self.rng = random.Random(random.randrange(1 << 30))
        self.ports = 1 << int(dut.PORT_W.value)
        cocotb.start_soon(Clock(dut.clk, 4, "ns").start())
        dut.rst.value = 1
        self.master = AxiMaster(AxiBus.from_prefix(dut, "bus"), dut.clk, dut.rst)
        self.memories, channels = [], []
        for port in range(self.ports):
            scope = dut.gen_port[port]
            memory = Memory(BEHIND)
            slave = AxiSlave(AxiBus.from_prefix(scope, "hbm"), dut.clk, dut.rst,
                             target=Offset(memory, port))  # fmt: skip
            self.memories.append(memory)
            channels += [slave.write_if.aw_channel, slave.write_if.w_channel,
                         slave.write_if.b_channel, slave.read_if.ar_channel,
                         slave.read_if.r_channel]  # fmt: skip
            cocotb.start_soon(self.watch(scope, port))
        channels += [self.master.write_if.aw_channel, self.master.write_if.w_channel,
                     self.master.write_if.b_channel, self.master.read_if.ar_channel,
                     self.master.read_if.r_channel]  # fmt: skip
        for channel in channels if pause else []:
            channel.set_pause_generator(self.pauses(pause))

    def pauses(self, share):
        return itertools.cycle([int(self.rng.random() < share) for _ in range(997)])

    async def start(self):
        for _ in range(4):
            await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0
        await RisingEdge(self.dut.clk)

    async def watch(self, scope, port):
        """Bursts within one block of the port's own memory."""
        while True:
            await RisingEdge(self.dut.clk)
            await ReadOnly()
            for channel in ("aw", "ar"):
                if getattr(scope, f"hbm_{channel}valid").value == 1:
                    address = int(getattr(scope, f"hbm_{channel}addr").value)
                    size = 32 * (int(getattr(scope, f"hbm_{channel}len").value) + 1)
                    assert address >> 29 == port and address % 64 == 0 and size % 64 == 0
                    assert address // BLOCK == (address + size - 1) // BLOCK

    def content(self):
        """All memories as the bus sees them."""
        blocks = BEHIND // BLOCK
        return b"".join(
            self.memories[port].mem[block * BLOCK:(block + 1) * BLOCK]
            for block in range(blocks) for port in range(self.ports)
        )  # fmt: skip


class Offset(MemoryRegion):
    """A memory that begins where the port's does."""

    def __init__(self, memory, port):
        super().__init__(1 << 34)
        self.memory = memory
        self.first = port << 29

    async def _read(self, address, length, **options):
        return await self.memory.read(address - self.first, length)

    async def _write(self, address, data, **options):
        await self.memory.write(address - self.first, data)


@cocotb.test()
async def places(dut):
    """Random writes and reads of any length and place, several under way."""
    bench = Bench(dut, 0.3)
    await bench.start()
    rng, size = bench.rng, BEHIND * bench.ports
    model = bytearray(rng.randbytes(size))
    half = size // 2
    await with_timeout(bench.master.write(0, bytes(model[:half])), 2000, "us")
    await with_timeout(bench.master.write(half, bytes(model[half:])), 2000, "us")
    for _ in range(6):
        edges = sorted(rng.sample(range(0, size), 6))
        pieces = [(a, min(b - a, 3000)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
        tasks = []
        for address, length in pieces:
            data = rng.randbytes(length)
            model[address:address + length] = data
            tasks.append(cocotb.start_soon(bench.master.write(address, data)))
        for task in tasks:
            assert (await with_timeout(task, 400, "us")).resp == AxiResp.OKAY
        for address, length in pieces:
            first = max(0, address - 70)
            got = await with_timeout(bench.master.read(first, length + 70), 400, "us")
            assert got.resp == AxiResp.OKAY and got.data == bytes(model[first:first + len(got.data)])
    assert bench.content() == bytes(model)


@cocotb.test()
async def errors(dut):
    """A broken block, or one half of a word, spoils the burst that it is in and no other."""
    bench = Bench(dut, 0.2)
    await bench.start()
    bench.memories[1].broken = range(0, BLOCK)      # block 1 of the bus
    lower, upper = bench.ports * BLOCK, 2 * bench.ports * BLOCK  # second, third block of port 0
    bench.memories[0].broken = (BLOCK, 2 * BLOCK + 32)
    cases = [(0, BLOCK, True), (0, 3 * BLOCK, False), (2 * BLOCK, 2 * BLOCK, True),
             (BLOCK, 64, False), (5 * BLOCK, 64, True), (lower, 64, False),
             (lower + 64, 64, True), (upper, 64, False), (upper + 64, 64, True)]  # fmt: skip
    for address, length, good in cases:
        expected = AxiResp.OKAY if good else AxiResp.SLVERR
        done = await with_timeout(bench.master.write(address, bytes(length)), 400, "us")
        assert done.resp == expected, address
        done = await with_timeout(bench.master.read(address, length), 400, "us")
        assert done.resp == expected, address


@cocotb.test()
async def throughput(dut):
    """Long bursts keep the bus busy: two ports carry what it can."""
    bench = Bench(dut, 0)
    await bench.start()
    beats = {"r": 0, "w": 0}
    first, last = {}, {}

    async def count():
        cycle = 0
        while True:
            await RisingEdge(dut.clk)
            await ReadOnly()
            cycle += 1
            for channel in beats:
                if (getattr(dut, f"bus_{channel}valid").value == 1
                        and getattr(dut, f"bus_{channel}ready").value == 1):  # fmt: skip
                    beats[channel] += 1
                    first.setdefault(channel, cycle)
                    last[channel] = cycle

    cocotb.start_soon(count())
    data = bench.rng.randbytes(16384)
    await with_timeout(bench.master.write(0, data), 400, "us")
    assert (await with_timeout(bench.master.read(0, len(data)), 400, "us")).data == data
    for channel, number in beats.items():
        share = number / (last[channel] - first[channel] + 1)
        dut._log.info(f"{bench.ports} ports, {channel}: {share:.2f} beats a cycle")
        assert number == len(data) // 64 and share > 0.9, (channel, share)
