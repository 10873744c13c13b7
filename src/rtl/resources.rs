//! An estimate of what a design takes of an UltraScale+ device, `docs/resources.md`. Every
//! coefficient is a line through numbers measured with Yosys 0.70 (`synth_xilinx -family xcup`,
//! `scripts/measure_resources.py`); block RAM is counted from the geometry of each memory.
//! The estimate knows no placement: it says whether a design has a chance to fit, not that it does.

use std::fmt::Write as _;

use crate::design::{BankedBuffer, Cell, Design};

/// What a unit takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resources {
    /// DSP48E2 slices.
    pub dsp: usize,
    /// Lookup tables used as logic.
    pub lut: usize,
    /// Lookup tables used as memory or shift register.
    pub lut_memory: usize,
    /// Flip-flops.
    pub ff: usize,
    /// Block RAMs of 18 kbit.
    pub ram18: usize,
}

impl Resources {
    fn plus(self, other: Resources) -> Resources {
        Resources {
            dsp: self.dsp + other.dsp,
            lut: self.lut + other.lut,
            lut_memory: self.lut_memory + other.lut_memory,
            ff: self.ff + other.ff,
            ram18: self.ram18 + other.ram18,
        }
    }
}

/// One unit of the machine.
#[derive(Debug, Clone, Copy)]
pub struct Unit {
    /// Module, without what is listed below it.
    pub module: &'static str,
    /// What it takes.
    pub resources: Resources,
}

/// The units of a design, in the order of the structure in docs/rtl.md.
pub fn estimate(design: &Design) -> Vec<Unit> {
    let unit = |module, resources| Unit { module, resources };
    vec![
        unit("npu_csr", host_registers(design)),
        unit("npu_frontend", front_end(design)),
        unit("npu_load", load(design)),
        unit("npu_array", array(design)),
        unit("npu_post (array)", post(design, design.cols())),
        unit("npu_gemm (rest)", gemm(design)),
        unit("npu_vector (rest)", vector(design)),
        unit("npu_post (lanes)", post(design, design.lanes())),
        unit("npu_store", store(design)),
        unit("IBUF", banked(design.ibuf(), 5)),
        unit("VMEM", banked(design.vmem(), 4)),
        unit("WBUF, PBUF", weights_and_parameters(design)),
    ]
}

/// The page.
pub fn manual(design: &Design) -> String {
    let mut page = format!(
        "# Resources of {}\n\n\
         Estimated for UltraScale+ from measurements with Yosys 0.70 (`scripts/measure_resources.py`), without placement.\n\
         RAM36 counts block RAMs of 36 kbit; memories of up to 64 words are in lookup tables.\n\n\
         | unit | DSP48E2 | LUT | LUT as memory | FF | RAM36 |\n|---|---:|---:|---:|---:|---:|\n",
        design.name()
    );
    let units = estimate(design);
    let total = units.iter().fold(Resources::default(), |total, unit| total.plus(unit.resources));
    for Unit { module, resources } in
        units.iter().chain([&Unit { module: "total", resources: total }])
    {
        let Resources { dsp, lut, lut_memory, ff, ram18 } = resources;
        let half = if ram18.is_multiple_of(2) { "" } else { ".5" };
        let _ = writeln!(
            page,
            "| {module} | {dsp} | {lut} | {lut_memory} | {ff} | {}{half} |",
            ram18 / 2
        );
    }
    page
}

/// Blocks of 18 kbit for a memory with one read and one write port; none for a shallow one.
fn blocks(words: usize, bits: usize) -> usize {
    // Words and bits of a block in each of its shapes.
    const SHAPES: [(usize, usize); 6] =
        [(512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)];
    if words <= 64 {
        return 0;
    }
    SHAPES
        .iter()
        .map(|(depth, width)| words.div_ceil(*depth) * bits.div_ceil(*width))
        .min()
        .unwrap_or(0)
}

/// Lookup tables for a shallow memory: 64 words of 7 bits take 8.
fn shallow(words: usize, bits: usize) -> usize {
    if words <= 64 { bits.div_ceil(7) * 8 } else { 0 }
}

fn host_registers(design: &Design) -> Resources {
    Resources {
        dsp: 0,
        lut: 4234,
        lut_memory: 336,
        ff: 4803,
        ram18: blocks(design.trace_depth(), 80),
    }
}

fn front_end(design: &Design) -> Resources {
    let bus = design.axi().data_bits;
    Resources { dsp: 0, lut: 1480 + bus / 3, lut_memory: 40 + bus * 7 / 4, ff: 870 + bus, ram18: 0 }
}

fn queue(design: &Design) -> usize {
    blocks(design.queue_depth(), 64 + design.pc_bits())
}

fn load(design: &Design) -> Resources {
    let bus = design.axi().data_bits;
    let receive = blocks(design.axi().read_fifo_beats, bus);
    Resources {
        dsp: 0,
        lut: 2876 + 8 * bus,
        lut_memory: 304 + bus * 5 / 8,
        ff: 3273 + bus * 63 / 10,
        ram18: queue(design) + receive,
    }
}

fn store(design: &Design) -> Resources {
    let bus = design.axi().data_bits;
    Resources {
        dsp: 0,
        lut: 2933 + 9 * bus,
        lut_memory: 701 + bus * 193 / 100,
        ff: 2437 + bus * 44 / 10,
        ram18: queue(design),
    }
}

fn array(design: &Design) -> Resources {
    let (rows, cols) = (design.rows(), design.cols());
    let cells = rows * cols;
    // Segments beyond the first need adders below them.
    let adders = (design.segments() - 1) * cols * 32;
    match design.cell() {
        Cell::Dsp48e2 => Resources {
            dsp: design.segments() * design.segment_rows() * cols.div_ceil(2),
            lut: 3 * cols + 2 * rows + adders,
            lut_memory: cells * 3 / 2 + 3 * cols,
            ff: 3 * cells + 32 * cols + adders,
            ram18: 0,
        },
        Cell::Generic | Cell::Simulation => Resources {
            dsp: cells,
            lut: 32 * cells + adders,
            lut_memory: 2 * cells + 5 * cols,
            ff: 72 * cells + 30 * cols + adders,
            ram18: 0,
        },
    }
}

fn post(design: &Design, lanes: usize) -> Resources {
    let residual = usize::from(design.residual());
    let tables = match design.tables() {
        0 => 0,
        count => lanes * blocks(count * 256, 8),
    };
    Resources {
        dsp: lanes * (2 + 4 * residual),
        lut: 80 + lanes * (585 + 1143 * residual),
        lut_memory: 160 + lanes * (9 + 32 * residual),
        ff: 103 + lanes * (383 + 801 * residual),
        ram18: tables,
    }
}

fn gemm(design: &Design) -> Resources {
    let cols = design.cols();
    let accumulators = blocks(design.obuf_depth(), 32 * cols);
    Resources {
        dsp: 1,
        lut: 2320 + 74 * cols,
        lut_memory: 634 + 27 * cols + shallow(design.obuf_depth(), 32 * cols),
        ff: 3069 + 75 * cols,
        ram18: queue(design) + accumulators,
    }
}

fn vector(design: &Design) -> Resources {
    let lanes = design.lanes();
    let sums = lanes * blocks(design.acc_depth(), 32);
    Resources {
        dsp: lanes * (3 + design.taps()),
        lut: 2035 + 1004 * lanes,
        lut_memory: 334 + 93 * lanes + lanes * shallow(design.acc_depth(), 32),
        ff: 3112 + 433 * lanes,
        ram18: queue(design) + sums,
    }
}

fn banked(buffer: &BankedBuffer, read_clients: usize) -> Resources {
    let word = buffer.word_bytes * 8;
    let bank = blocks(buffer.bank_depth, word);
    // Measured with eight clients and lanes of 8 bits.
    let clients = read_clients + 3;
    Resources {
        dsp: 0,
        lut: (266 + 4 * buffer.banks * word) * clients / 8,
        lut_memory: buffer.banks * shallow(buffer.bank_depth, word),
        ff: (215 + 9 * word) * clients / 8,
        ram18: buffer.banks * bank,
    }
}

fn weights_and_parameters(design: &Design) -> Resources {
    let weights = design.wbuf();
    let pbuf = 64 * design.cols();
    Resources {
        dsp: 0,
        lut: 100,
        lut_memory: shallow(weights.words, weights.word_bytes * 8)
            + shallow(design.pbuf_words(), pbuf),
        ff: weights.word_bytes * 8 + pbuf,
        ram18: blocks(weights.words, weights.word_bytes * 8) + blocks(design.pbuf_words(), pbuf),
    }
}
