//! The page `docs/integration.md` of the output: how to put the unit into a system and start it.

use crate::design::{Cell, Design};

/// The page.
pub fn manual(design: &Design) -> String {
    let axi = design.axi();
    let cell = match design.cell() {
        Cell::Dsp48e2 => {
            "The array instantiates `DSP48E2`, which Vivado knows; for other simulators add \
             `sim/DSP48E2.v`, which is no source for synthesis."
        }
        Cell::Generic | Cell::Simulation => {
            "No vendor primitive is instantiated; memories and multipliers are inferred."
        }
    };
    let mut text = format!(
        "# Integration of {name}\n\n\
         The top module is `npu_top` in `rtl/npu_top.v`, IEEE 1364-2005. {cell}\n\n\
         {FILES}\n\
         ## Clock and reset\n\n\
         One clock `clk`, rising edge; the target in the configuration is {mhz} MHz. One reset \
         `rst`, synchronous and active\nhigh; hold it for at least one cycle with the clock running. \
         All other ports belong to `clk`: put clock converters outside.\n\n\
         ## Ports\n\n\
         | ports | what | parameters |\n|---|---|---|\n\
         | `s_axil_*` | AXI4-Lite slave: the registers of [registers.md](registers.md) | 32 data bits, 12 address bits, one access at a time |\n\
         | `m_axi_*` | AXI4 master to DRAM | {data} data bits, {addr} address bits, {id} ID bits |\n\
         | `irq` | interrupt, level, high until `irq_status` is cleared | enabled by `irq_enable` |\n\
         | `retire_valid`, `retire_pc` | strobe and position of each launch that retires, for traces | LOAD, GEMM, VECTOR, STORE; leave open otherwise |\n\n\
         What the AXI4 master does, so that an interconnect can be configured for it:\n\n\
         - INCR bursts of full-width beats, at most {burst} beats, never across 4 KiB; `AxSIZE` is {size}.\n\
         - Up to {reads} read and {writes} write bursts outstanding. Read IDs: 0 program, 1 LOAD. Write ID: 0. \
         Reads of one ID must\n  come back in order; beats of different IDs may be mixed.\n\
         - Unaligned ends of a transfer are masked with `WSTRB`; reads fetch whole beats.\n\
         - No lock, QoS, region or user signals. `AxCACHE` is bufferable and modifiable, `AxPROT` 0.\n\
         - An answer other than OKAY stops the unit with fault 7 (read) or 8 (write).\n\n",
        name = design.name(),
        mhz = design.clock_mhz(),
        data = axi.data_bits,
        addr = axi.addr_bits,
        id = axi.id_bits,
        burst = axi.max_burst_beats,
        size = axi.beat_bytes().trailing_zeros(),
        reads = axi.read_outstanding.max(2),
        writes = axi.write_outstanding.max(2),
    );
    text.push_str(STARTING);
    text
}

const FILES: &str = "\
`files.f` lists the sources for synthesis and simulation, relative to this directory:

```
verilator --lint-only -Wall --default-language 1364-2005 --top-module npu_top -F out/npu/files.f
cd out/npu && iverilog -g2005 -Wall -s npu_top -o npu.vvp -f files.f sim/*.v
cd out/npu && vivado -mode tcl      # then: read_verilog [split [string trim [read [open files.f]]]]
```

`manifest.json` has the SHA-256 of every file; this checks them all:

```
python3 -c \"import json; [print(f['sha256'], f['path'], sep='  ') for f in json.load(open('manifest.json'))['files']]\" | sha256sum -c --quiet
```
";

const STARTING: &str = "\
## Starting a program

The host places the program's instruction words and its regions in DRAM, tells the unit where they are, and starts it. Regions may lie
anywhere; a program (`npugen disasm --no-data`) says which base registers it uses and how large each region is.

```c
#include <stdint.h>
#include \"npu_regs.h\"

static void wr(volatile uint32_t *npu, uint32_t offset, uint32_t value) { npu[offset / 4u] = value; }
static uint32_t rd(volatile uint32_t *npu, uint32_t offset) { return npu[offset / 4u]; }

/* Runs a program; 0, or the fault register. `npu` is the register window. */
uint32_t npu_execute(volatile uint32_t *npu, uint64_t program, uint32_t words, uint64_t fingerprint,
                     const uint64_t base[8], const uint64_t size[8])
{
    uint32_t i, status;
    if (rd(npu, NPU_ID) != NPU_ID_EXPECTED) return UINT32_MAX;
    wr(npu, NPU_EXPECT_LO, (uint32_t)fingerprint);
    wr(npu, NPU_EXPECT_HI, (uint32_t)(fingerprint >> 32));
    wr(npu, NPU_PROGRAM_ADDR_LO, (uint32_t)program);
    wr(npu, NPU_PROGRAM_ADDR_HI, (uint32_t)(program >> 32));
    wr(npu, NPU_PROGRAM_LENGTH, words);
    wr(npu, NPU_WATCHDOG, 100000000u); /* cycles without a launch retiring */
    for (i = 0; i < 8; i++) {
        wr(npu, NPU_BASE_LO(i), (uint32_t)base[i]);
        wr(npu, NPU_BASE_HI(i), (uint32_t)(base[i] >> 32));
        wr(npu, NPU_SIZE_LO(i), (uint32_t)size[i]);
        wr(npu, NPU_SIZE_HI(i), (uint32_t)(size[i] >> 32));
    }
    wr(npu, NPU_CONTROL, NPU_CONTROL_CLEAR_MASK | NPU_CONTROL_START_MASK);
    do status = rd(npu, NPU_STATUS); while (!(status & (NPU_STATUS_DONE_MASK | NPU_STATUS_FAULT_MASK)));
    if (!(status & NPU_STATUS_FAULT_MASK)) return 0;
    status = rd(npu, NPU_FAULT); /* cause and engine; NPU_FAULT_PC has the instruction */
    wr(npu, NPU_CONTROL, NPU_CONTROL_SOFT_RESET_MASK);
    while (!(rd(npu, NPU_STATUS) & NPU_STATUS_IDLE_MASK)) { }
    return status;
}
```

Memory must be coherent for the unit: flush the host's caches of program and inputs before the start, and invalidate those of the outputs
after the end. The interrupt replaces the polling: write `irq_enable`, wait, write the same bits to `irq_status`.
";
