"""npu_csr over AXI4-Lite, with cocotbext-axi as an independent master and a small core in Python."""

import itertools
import pathlib
import random

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

import generated
import harness

LEAVES = ["npu_axil_slave", "npu_control", "npu_counters", "npu_fault", "npu_fifo",
          "npu_fifo_ram", "npu_ram_1r1w", "npu_trace"]
FINGERPRINT = 0x0123456789ABCDEF
PC_W = 24

# The register map as software has it: written out here, not derived.
ID, VERSION, FINGERPRINT_LO, FINGERPRINT_HI = 0x000, 0x004, 0x008, 0x00C
CONTROL, STATUS, IRQ_ENABLE, IRQ_STATUS = 0x010, 0x014, 0x018, 0x01C
PROGRAM_ADDR_LO, PROGRAM_ADDR_HI, PROGRAM_LENGTH, WATCHDOG = 0x020, 0x024, 0x028, 0x02C
EXPECT_LO, EXPECT_HI = 0x030, 0x034
FAULT, FAULT_PC, FAULT_ADDR_LO, FAULT_ADDR_HI = 0x040, 0x044, 0x048, 0x04C
TRACE_LEVEL, TRACE_TAG, TRACE_CYCLE_LO, TRACE_INFO = 0x050, 0x054, 0x058, 0x05C
BASE, ENGINE, COUNTER = 0x080, 0x100, 0x200
START, SOFT_RESET, CLEAR, SNAPSHOT, TRACE_POP = 1, 2, 4, 8, 16
IDLE, RUNNING, DONE, FAULTED, RESETTING, QUIET = 1, 2, 4, 8, 16, 32
WRITABLE = {IRQ_ENABLE: 0x7, PROGRAM_ADDR_LO: 0xFFFFFFFF, PROGRAM_ADDR_HI: 0xFFFFFFFF,
            PROGRAM_LENGTH: 0xFFFFFF, WATCHDOG: 0xFFFFFFFF, EXPECT_LO: 0xFFFFFFFF,
            EXPECT_HI: 0xFFFFFFFF}
WRITABLE.update({BASE + 4 * word: 0xFFFFFFFF for word in range(32)})


def sources():
    return [generated.module("npu_csr"), *LEAVES]


@pytest.mark.parametrize("case", [
    "registers_hold_what_is_written", "other_offsets_are_answered", "a_run_from_start_to_done",
    "a_foreign_program_is_refused", "the_first_fault_wins", "the_watchdog_barks",
    "a_soft_reset_waits_for_the_bus", "classes_add_up_to_cycles", "tags_are_recorded",
])
def test_csr(case):
    params = {"ADDR_W": 36, "TRACE_DEPTH": 16}
    harness.icarus("npu_csr", sources(), __file__, params, testcase=case)


def test_lint():
    harness.lint("npu_csr", sources(), {"ADDR_W": 32})
    harness.lint("npu_csr", sources())


class Host:
    """The bus and the inputs of the core at rest."""

    def __init__(self, dut):
        self.dut = dut
        for signal in dut:
            name = signal._name
            if name.startswith(("core_fault", "engine_", "semaphore_", "decoder_", "array_",
                                "ibuf_", "vmem_", "bus_")) or name == "program_done":
                try:
                    signal.value = 0
                except Exception:  # an internal wire of that name, which the core does not drive
                    continue
        dut.engine_activity.value = 0x8888
        dut.engine_idle.value = 0xF
        dut.bus_quiet.value = 1
        dut.rst.value = 1
        cocotb.start_soon(Clock(dut.clk, 4, "ns").start())
        self.axi = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)
        rng = random.Random(7)
        for channel in (self.axi.write_if.aw_channel, self.axi.write_if.w_channel,
                        self.axi.write_if.b_channel, self.axi.read_if.ar_channel,
                        self.axi.read_if.r_channel):
            pauses = [rng.random() < 0.3 for _ in range(97)]
            channel.set_pause_generator(itertools.cycle(pauses))

    async def reset(self):
        await ClockCycles(self.dut.clk, 3)
        self.dut.rst.value = 0
        await ClockCycles(self.dut.clk, 10)
        await self.until(STATUS, IDLE)

    async def read(self, offset):
        answer = await self.axi.read(offset, 4)
        assert answer.resp == AxiResp.OKAY, hex(offset)
        return int.from_bytes(answer.data, "little")

    async def write(self, offset, value):
        answer = await self.axi.write(offset, value.to_bytes(4, "little"))
        assert answer.resp == AxiResp.OKAY, hex(offset)

    async def until(self, offset, mask, tries=50):
        for _ in range(tries):
            value = await self.read(offset)
            if value & mask:
                return value
        raise AssertionError(f"{offset:#x} stays {value:#x}, waiting for {mask:#x}")

    async def expect_own_fingerprint(self):
        # The default of the parameter is zero.
        await self.write(EXPECT_LO, 0)
        await self.write(EXPECT_HI, 0)

    async def start(self, command=START):
        await self.expect_own_fingerprint()
        starts = cocotb.start_soon(self.count_starts())
        await self.write(CONTROL, command)
        await ClockCycles(self.dut.clk, 20)
        starts.cancel()
        return self.starts

    async def count_starts(self):
        self.starts = 0
        while True:
            await FallingEdge(self.dut.clk)
            if int(self.dut.core_start.value):
                assert not int(self.dut.core_rst.value) and not int(self.dut.core_halt.value)
                self.starts += 1


async def make(dut):
    host = Host(dut)
    await host.reset()
    return host


@cocotb.test()
async def registers_hold_what_is_written(dut):
    """Every writable register, by words and by bytes, and what it becomes outside."""
    host = await make(dut)
    rng = random.Random(1)
    assert await host.read(ID) == int.from_bytes(b"NPUG", "little")
    assert await host.read(VERSION) >> 16 == 2
    model = {}
    for offset, mask in WRITABLE.items():
        assert await host.read(offset) == 0
        value = rng.getrandbits(32)
        await host.write(offset, value)
        model[offset] = value & mask
    for _ in range(60):
        offset = rng.choice(list(WRITABLE))
        byte, length = rng.choice([(0, 1), (1, 1), (2, 1), (3, 1), (0, 2), (2, 2)])
        data = rng.randbytes(length)
        await host.axi.write(offset + byte, data)
        bits = ((1 << 8 * length) - 1) << 8 * byte
        value = int.from_bytes(data, "little") << 8 * byte
        model[offset] = (model[offset] & ~bits) | (value & WRITABLE[offset])
    for offset, value in model.items():
        assert await host.read(offset) == value, hex(offset)
    address = model[PROGRAM_ADDR_HI] << 32 | model[PROGRAM_ADDR_LO]
    assert int(dut.program_addr.value) == address & ((1 << 36) - 1)
    assert int(dut.program_length.value) == model[PROGRAM_LENGTH]
    bases = int(dut.region_base.value)
    sizes = int(dut.region_size.value)
    for index in range(8):
        low, high, size_low, size_high = (model[BASE + 16 * index + 4 * k] for k in range(4))
        assert bases >> 64 * index & (1 << 64) - 1 == high << 32 | low
        assert sizes >> 64 * index & (1 << 64) - 1 == size_high << 32 | size_low


@cocotb.test()
async def other_offsets_are_answered(dut):
    """All of the window can be read and written; what is not listed reads as zero."""
    host = await make(dut)
    listed = set(range(0x000, 0x060, 4)) - {0x038, 0x03C}
    listed |= set(range(0x080, 0x140, 4)) | set(range(0x180, 0x190, 4))
    listed |= set(range(0x200, 0x300, 4))
    for offset in [*range(0, 0x400, 4), *range(0x400, 0x1000, 0x74 & ~3)]:
        if offset not in listed:
            await host.write(offset, 0xFFFFFFFF)
            assert await host.read(offset) == 0, hex(offset)
        else:
            await host.read(offset)
    for offset in (ID, VERSION, STATUS, FAULT, FAULT_PC, COUNTER, ENGINE):
        before = await host.read(offset)
        await host.write(offset, 0x5A5A5A5A)
        assert await host.read(offset) == before, hex(offset)


@cocotb.test()
async def a_run_from_start_to_done(dut):
    host = await make(dut)
    await host.write(IRQ_ENABLE, 1)
    assert not int(dut.irq.value)
    assert await host.start() == 1
    assert await host.read(STATUS) & (IDLE | RUNNING | DONE | FAULTED) == RUNNING
    # A second start is ignored.
    assert await host.start() == 0
    # END; a burst is still under way.
    dut.bus_quiet.value = 0
    dut.program_done.value = 1
    await ClockCycles(dut.clk, 40)
    assert int(dut.core_halt.value)
    assert not await host.read(STATUS) & (IDLE | DONE)
    dut.bus_quiet.value = 1
    assert await host.until(STATUS, DONE) & IDLE
    assert int(dut.irq.value) and await host.read(IRQ_STATUS) == 1
    await host.write(IRQ_STATUS, 2)
    assert int(dut.irq.value)
    await host.write(IRQ_STATUS, 1)
    await ClockCycles(dut.clk, 2)
    assert not int(dut.irq.value) and await host.read(IRQ_STATUS) == 0
    await host.write(CONTROL, CLEAR)
    assert not await host.read(STATUS) & DONE
    # And again.
    dut.program_done.value = 0
    assert await host.start() == 1


@cocotb.test()
async def a_foreign_program_is_refused(dut):
    host = await make(dut)
    for low, high in ((1, 0), (0, 0x80000000)):
        await host.write(EXPECT_LO, low)
        await host.write(EXPECT_HI, high)
        starts = cocotb.start_soon(host.count_starts())
        await host.write(CONTROL, START)
        await ClockCycles(dut.clk, 30)
        starts.cancel()
        assert host.starts == 0
        assert await host.read(STATUS) & (IDLE | RUNNING | FAULTED) == FAULTED
        assert await host.read(FAULT) == 14
        assert await host.start() == 0, "a fault is left by a soft reset only"
        await host.write(CONTROL, SOFT_RESET)
        await host.until(STATUS, IDLE)
        assert await host.read(FAULT) == 0
    assert await host.start() == 1


def report(dut, source, cause, engine, pc, address):
    """One fault source of the core."""
    dut.core_fault_valid.value = int(dut.core_fault_valid.value) | 1 << source
    for signal, width, value in ((dut.core_fault_cause, 8, cause), (dut.core_fault_engine, 3, engine),
                                 (dut.core_fault_pc, PC_W, pc), (dut.core_fault_address, 40, address)):
        mask = ((1 << width) - 1) << width * source
        signal.value = int(signal.value) & ~mask | value << width * source


@cocotb.test()
async def the_first_fault_wins(dut):
    host = await make(dut)
    await host.start()
    await RisingEdge(dut.clk)
    report(dut, 5, 3, 0, 77, 5)
    await RisingEdge(dut.clk)
    report(dut, 2, 5, 3, 0xABCDEF, 0x12_3456_789A)
    await RisingEdge(dut.clk)
    dut.core_fault_valid.value = 0
    await ClockCycles(dut.clk, 5)
    assert int(dut.core_halt.value)
    assert await host.read(STATUS) & (RUNNING | FAULTED) == FAULTED
    assert await host.read(IRQ_STATUS) == 2
    assert await host.read(FAULT) == 3 and await host.read(FAULT_PC) == 77
    assert await host.read(FAULT_ADDR_LO) == 5 and await host.read(FAULT_ADDR_HI) == 0
    await host.write(CONTROL, SOFT_RESET)
    await host.until(STATUS, IDLE)
    # Of two in one cycle the lower source; its address has 40 bits.
    await host.start()
    await RisingEdge(dut.clk)
    report(dut, 5, 3, 0, 77, 5)
    report(dut, 2, 5, 3, 0xABCDEF, 0x12_3456_789A)
    await ClockCycles(dut.clk, 3)
    dut.core_fault_valid.value = 0
    assert await host.read(FAULT) == 5 | 3 << 8 and await host.read(FAULT_PC) == 0xABCDEF
    assert await host.read(FAULT_ADDR_LO) == 0x3456789A and await host.read(FAULT_ADDR_HI) == 0x12


@cocotb.test()
async def the_watchdog_barks(dut):
    host = await make(dut)
    await host.write(WATCHDOG, 100)
    await host.start(START | CLEAR)
    for _ in range(10):
        await ClockCycles(dut.clk, 60)
        dut.engine_retire_valid.value = 4
        await RisingEdge(dut.clk)
        dut.engine_retire_valid.value = 0
    assert await host.read(STATUS) & RUNNING
    await ClockCycles(dut.clk, 110)
    assert await host.read(STATUS) & FAULTED
    assert await host.read(FAULT) == 10


@cocotb.test()
async def a_soft_reset_waits_for_the_bus(dut):
    host = await make(dut)
    await host.write(WATCHDOG, 12345)
    await host.start()
    dut.bus_quiet.value = 0
    await host.write(CONTROL, SOFT_RESET)
    for _ in range(100):
        await FallingEdge(dut.clk)
        assert int(dut.core_halt.value) and not int(dut.core_rst.value)
    assert await host.read(STATUS) & (RESETTING | IDLE | QUIET) == RESETTING
    dut.bus_quiet.value = 1
    resets = 0
    for _ in range(60):
        await FallingEdge(dut.clk)
        resets += int(dut.core_rst.value)
    assert resets > 0
    assert await host.read(STATUS) & IDLE
    assert await host.read(WATCHDOG) == 12345, "the host's registers stay"
    assert await host.start() == 1


@cocotb.test()
async def classes_add_up_to_cycles(dut):
    """Random events against counters in Python, running and not; two snapshots differ only by
    what happened between them."""
    host = await make(dut)
    rng = random.Random(3)
    want = [0] * 32
    stop = False

    async def core():
        """Drives events for a cycle, counts them if the machine ran in that cycle."""
        while not stop:
            activity = [rng.randrange(4) for _ in range(4)]
            retire = rng.getrandbits(4)
            array = rng.randrange(4)
            amounts = [rng.randrange(0, 129) for _ in range(5)]
            begun = [rng.getrandbits(1) for _ in range(2)]
            dut.engine_activity.value = sum(1 << 4 * e + a for e, a in enumerate(activity))
            dut.engine_retire_valid.value = retire
            dut.array_active.value = array == 0
            dut.array_wait_weights.value = array == 1
            dut.array_wait_residual.value = array == 2
            dut.bus_read_bytes.value = amounts[0]
            dut.bus_reads.value = amounts[1]
            dut.bus_write_bytes.value = amounts[2]
            dut.ibuf_conflicts.value = amounts[3]
            dut.vmem_conflicts.value = amounts[4]
            dut.bus_read_begun.value = begun[0]
            dut.bus_write_begun.value = begun[1]
            await FallingEdge(dut.clk)
            # RUN is the state in which the core is neither halted nor in reset.
            running = not int(dut.core_halt.value)
            await RisingEdge(dut.clk)
            if running:
                want[0] += 1
                for e, a in enumerate(activity):
                    want[1 + 4 * e + a] += 1
                    want[17 + e] += retire >> e & 1
                want[21 + array] += 1
                for index, value in ((25, amounts[0]), (26, begun[0]), (27, amounts[1]),
                                     (28, amounts[2]), (29, begun[1]), (30, amounts[3]),
                                     (31, amounts[4])):
                    want[index] += value

    async def counters():
        await host.write(CONTROL, SNAPSHOT)
        values = []
        for index in range(32):
            low = await host.read(COUNTER + 8 * index)
            values.append(await host.read(COUNTER + 8 * index + 4) << 32 | low)
        return values

    events = cocotb.start_soon(core())
    await ClockCycles(dut.clk, 50)
    assert await counters() == [0] * 32, "nothing counts before the start"
    await host.start()
    for _ in range(3):
        values = await counters()
        for engine in range(4):
            assert sum(values[1 + 4 * engine : 5 + 4 * engine]) == values[0] > 0
        assert sum(values[21:25]) == values[0]
    dut.program_done.value = 1
    await host.until(STATUS, DONE)
    stop = True
    await events
    assert await counters() == want
    await ClockCycles(dut.clk, 50)
    assert await counters() == want, "nothing counts after the end"
    await host.write(CONTROL, CLEAR)
    assert await counters() == [0] * 32


@cocotb.test()
async def tags_are_recorded(dut):
    """All engines at once, in order per engine; a full trace drops and counts."""
    host = await make(dut)
    await host.write(IRQ_ENABLE, 4)
    await host.start(START | CLEAR)
    await RisingEdge(dut.clk)
    for value in range(2):
        dut.engine_tag_valid.value = 0xF
        dut.engine_tag_value.value = sum((0x1000 * e + value) << 32 * e for e in range(4))
        await RisingEdge(dut.clk)
    dut.engine_tag_valid.value = 0
    await ClockCycles(dut.clk, 20)
    assert await host.read(TRACE_LEVEL) == 8
    assert int(dut.irq.value), "half of 16"
    seen, times = {}, {}
    for _ in range(8):
        info = await host.read(TRACE_INFO)
        assert info >> 31 == 1
        seen.setdefault(info >> 16 & 7, []).append(await host.read(TRACE_TAG))
        times.setdefault(info >> 16 & 7, []).append(await host.read(TRACE_CYCLE_LO))
        await host.write(CONTROL, TRACE_POP)
        await ClockCycles(dut.clk, 4)
    assert seen == {e + 1: [0x1000 * e, 0x1000 * e + 1] for e in range(4)}
    assert all(b == a + 1 for a, b in times.values()), "stamped when they come"
    assert len({tuple(pair) for pair in times.values()}) == 1
    assert await host.read(TRACE_INFO) == 0 and await host.read(TRACE_TAG) == 0
    dut.engine_tag_valid.value = 1
    await ClockCycles(dut.clk, 30)
    dut.engine_tag_valid.value = 0
    await ClockCycles(dut.clk, 20)
    level = await host.read(TRACE_LEVEL)
    # Four more wait in the small queue of their engine.
    assert level & 0xFFFF == 16 and level >> 16 == 30 - 16 - 4
    await host.write(CONTROL, CLEAR)
    assert await host.read(TRACE_LEVEL) == 0
