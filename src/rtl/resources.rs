//! An estimate of what a design takes of an UltraScale+ device, `docs/resources.md`. Every
//! coefficient is fitted to numbers measured with Yosys 0.70 (`synth_xilinx -family xcup`,
//! `scripts/measure_resources.py`), those of binary32 to one number of lanes
//! (docs/implementation.md); block RAM is counted from the geometry of each memory.
//! The estimate knows no placement: it says whether a design has a chance to fit, not that it does.

mod custom;
mod unit;

use std::fmt::Write as _;

pub use custom::operation;
pub use unit::unit as compute_unit;

use crate::config::RamConfig;
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
    /// UltraRAM blocks of 288 kbit.
    pub uram: usize,
}

/// Largest difference between the estimate's sum over a design and what Yosys counted, in percent of
/// the count: held by tests/resources.rs.
pub const ERROR_PERCENT: Resources =
    Resources { dsp: 0, lut: 5, lut_memory: 10, ff: 5, ram18: 5, uram: 5 };

impl Resources {
    /// One of several like parts, rounded up.
    pub fn part(self, parts: usize) -> Resources {
        let parts = parts.max(1);
        Resources {
            dsp: self.dsp.div_ceil(parts),
            lut: self.lut.div_ceil(parts),
            lut_memory: self.lut_memory.div_ceil(parts),
            ff: self.ff.div_ceil(parts),
            ram18: self.ram18.div_ceil(parts),
            uram: self.uram.div_ceil(parts),
        }
    }

    /// Both together.
    pub fn plus(self, other: Resources) -> Resources {
        Resources {
            dsp: self.dsp + other.dsp,
            lut: self.lut + other.lut,
            lut_memory: self.lut_memory + other.lut_memory,
            ff: self.ff + other.ff,
            ram18: self.ram18 + other.ram18,
            uram: self.uram + other.uram,
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
    // Two more operands and results of the units.
    let own = if design.units().is_empty() { 0 } else { 3 };
    let mut units = vec![
        unit("npu_csr", host_registers(design)),
        unit("npu_frontend", front_end(design)),
        unit("npu_load", load(design)),
        unit("npu_array", array(design)),
        unit("npu_post (array)", post(design, design.cols(), false)),
        unit("npu_gemm (rest)", gemm(design)),
        unit("npu_vector_float (rest)", float_arithmetic(design)),
        unit("npu_vector_function", function_unit(design)),
        unit("npu_vector_reduction", reduction(design)),
        unit("npu_post (lanes)", post(design, design.lanes(), design.float())),
        unit("npu_vector (rest)", vector(design)),
        unit("npu_store", store(design)),
        unit("IBUF", banked(design.ibuf(), 8 + own)),
        unit("VMEM", banked(design.vmem(), 7 + own)),
        unit("WBUF, PBUF", weights_and_parameters(design)),
    ];
    if !design.units().is_empty() {
        // Before npu_store.
        units.insert(11, unit("npu_unit", unit::engine(design)));
    }
    if !design.vector_ops().is_empty() {
        // Behind the rest of npu_vector.
        units.insert(11, unit("npu_vector_custom", custom::operations(design)));
    }
    units
}

/// The page.
pub fn manual(design: &Design) -> String {
    let mut page = format!(
        "# Resources of {}\n\n\
         Estimated for UltraScale+ from measurements with Yosys 0.70 (`scripts/measure_resources.py`), without placement.\n\
         RAM36 counts block RAMs of 36 kbit; memories of up to 64 words are in lookup tables.\n\n\
         | unit | DSP48E2 | LUT | LUT as memory | FF | RAM36 | URAM |\n|---|---:|---:|---:|---:|---:|---:|\n",
        design.name()
    );
    let units = estimate(design);
    let total = units.iter().fold(Resources::default(), |total, unit| total.plus(unit.resources));
    for Unit { module, resources } in
        units.iter().chain([&Unit { module: "total", resources: total }])
    {
        let Resources { dsp, lut, lut_memory, ff, ram18, uram } = resources;
        let half = if ram18.is_multiple_of(2) { "" } else { ".5" };
        let _ = writeln!(
            page,
            "| {module} | {dsp} | {lut} | {lut_memory} | {ff} | {}{half} | {uram} |",
            ram18 / 2
        );
    }
    page
}

/// Blocks of 18 kbit for a memory with one read and one write port; none for a shallow one.
fn blocks(words: usize, bits: usize) -> usize {
    // Words and bits of a block in each of its shapes.
    shaped(words, bits, &[(512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)])
}

/// The same where lanes of 8 or 32 bits are written by themselves: the parity bits stay unused.
fn blocks_of_lanes(words: usize, bits: usize) -> usize {
    shaped(words, bits, &[(512, 32), (1024, 16), (2048, 8), (4096, 4), (8192, 2), (16384, 1)])
}

fn shaped(words: usize, bits: usize, shapes: &[(usize, usize)]) -> usize {
    if words <= 64 {
        return 0;
    }
    shapes
        .iter()
        .map(|(depth, width)| words.div_ceil(*depth) * bits.div_ceil(*width))
        .min()
        .unwrap_or(0)
}

/// Lookup tables for a shallow memory: 64 words of 7 bits take 8, as do 32 words of 14.
fn shallow(words: usize, bits: usize) -> usize {
    match words {
        0..=32 => bits.div_ceil(14) * 8,
        33..=64 => bits.div_ceil(7) * 8,
        _ => 0,
    }
}

fn host_registers(design: &Design) -> Resources {
    Resources {
        dsp: 0,
        lut: 4630,
        lut_memory: 240 + shallow(design.trace_depth(), 80),
        ff: 4803,
        ram18: blocks(design.trace_depth(), 80),
        uram: 0,
    }
}

fn front_end(design: &Design) -> Resources {
    let bus = design.axi().data_bits;
    // 4 kbit of instructions: 64 words of 64 bits are a block, 32 of 128 are in lookup tables.
    let (fetched, wide) = if bus > 64 { (0, 3 * bus / 2) } else { (2, 0) };
    Resources {
        dsp: 0,
        lut: 1660,
        lut_memory: 72 + wide,
        ff: 793 + bus * 8 / 5,
        ram18: fetched,
        uram: 0,
    }
}

fn queue(design: &Design) -> usize {
    blocks(design.queue_depth(), 64 + design.pc_bits())
}

fn load(design: &Design) -> Resources {
    let bus = design.axi().data_bits;
    let receive = blocks(design.axi().read_fifo_beats, bus);
    Resources {
        dsp: 0,
        lut: 3530 + 5 * bus,
        lut_memory: 272 + bus * 7 / 8 + shallow(design.axi().read_fifo_beats, bus),
        ff: 3090 + bus * 66 / 10,
        ram18: queue(design) + receive,
        uram: 0,
    }
}

fn store(design: &Design) -> Resources {
    let bus = design.axi().data_bits;
    Resources {
        dsp: 0,
        lut: 2453 + 49 * bus / 4,
        lut_memory: 239 + bus * 464 / 100,
        ff: 2051 + bus * 64 / 10,
        ram18: queue(design),
        uram: 0,
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
            uram: 0,
        },
        Cell::Generic | Cell::Simulation => Resources {
            dsp: cells,
            lut: 32 * cells + adders,
            lut_memory: (2 * cells).saturating_sub(4 * cols),
            ff: 72 * cells + 30 * cols + adders,
            ram18: 0,
            uram: 0,
        },
    }
}

fn post(design: &Design, lanes: usize, float: bool) -> Resources {
    let (residual, float) = (usize::from(design.residual()), usize::from(float));
    // A single table is in lookup tables.
    let (alone, tables) = match design.tables() {
        0 => (0, 0),
        1 => (1, 0),
        count => (0, blocks(count * 256, 8)),
    };
    Resources {
        dsp: lanes * (2 + 2 * residual),
        lut: 40 + lanes * (576 + 1216 * residual + 100 * float),
        lut_memory: 160 + lanes * (9 + 40 * residual + 20 * float + 40 * alone),
        ff: 103 + lanes * (355 + 774 * residual + 8 * float + 32 * alone),
        ram18: lanes * tables,
        uram: 0,
    }
}

fn gemm(design: &Design) -> Resources {
    let cols = design.cols();
    let accumulators = blocks(design.obuf_depth(), 32 * cols);
    Resources {
        dsp: 1,
        lut: 2680 + 78 * cols,
        lut_memory: 634 + 27 * cols + shallow(design.obuf_depth(), 32 * cols),
        ff: 3069 + 75 * cols,
        ram18: queue(design) + accumulators,
        uram: 0,
    }
}

fn vector(design: &Design) -> Resources {
    let lanes = design.lanes();
    let float = usize::from(design.float());
    // The sums of rows, and with the longer pipeline the results on their way to a buffer.
    let sums = blocks(design.acc_depth(), 32 * lanes);
    let results = float * blocks(results_in_flight(design), 32 * lanes);
    Resources {
        dsp: lanes * (3 + design.taps()),
        lut: 2728 + 901 * lanes + float * (90 + 310 * lanes),
        lut_memory: 334 + 93 * lanes + shallow(design.acc_depth(), 32 * lanes),
        ff: 3112 + 401 * lanes + float * 300,
        ram18: queue(design) + sums + results,
        uram: 0,
    }
}

/// Places for results that npu_vector_datapath has with the float domain: one for each cycle from
/// the issue of an element to its result's way to a buffer.
fn results_in_flight(design: &Design) -> usize {
    let alu = alu_latency(design) + usize::from(!design.vector_ops().is_empty());
    let levels = usize::BITS - (design.lanes() - 1).leading_zeros();
    let reduction = if design.lanes() > 1 { 7 + 5 * levels as usize } else { 6 };
    let post = if design.residual() { 26 } else { 10 } + usize::from(design.lookup());
    3 + alu + reduction + post
}

/// Cycles from the operands to the result of any function of the lanes but custom ones.
fn own_latency(design: &Design) -> usize {
    match (design.float(), design.function_segments()) {
        (false, _) => 3,
        (true, 0) => 9,
        (true, _) => 24,
    }
}

/// The same with custom operations, without the cycle in which a result is chosen.
fn alu_latency(design: &Design) -> usize {
    let custom = design.vector_ops().iter().map(|op| op.latency as usize).max();
    own_latency(design).max(custom.unwrap_or(0))
}

/// One product, one sum and both conversions a lane.
fn float_arithmetic(design: &Design) -> Resources {
    let lanes = if design.float() { design.lanes() } else { 0 };
    Resources {
        dsp: 2 * lanes,
        lut: 964 * lanes,
        lut_memory: 78 * lanes,
        ff: 582 * lanes,
        ram18: 0,
        uram: 0,
    }
}

/// Another product and sum a lane, and its copy of three coefficients a segment.
fn function_unit(design: &Design) -> Resources {
    let lanes = if design.function_segments() > 0 { design.lanes() } else { 0 };
    Resources {
        dsp: 2 * lanes,
        lut: 1168 * lanes,
        lut_memory: lanes * (80 + 3 * shallow(design.function_segments(), 32)),
        ff: 825 * lanes,
        ram18: 3 * lanes * blocks(design.function_segments(), 32),
        uram: 0,
    }
}

/// In a lane; in the float domain also an accumulator per lane and a tree across the lanes.
fn reduction(design: &Design) -> Resources {
    let lanes = design.lanes();
    if !design.float() {
        return Resources { lut: 87 * lanes, ff: 16 + 32 * lanes, ..Resources::default() };
    }
    Resources {
        dsp: 0,
        lut: 797 * lanes + 584 * (lanes - 1),
        lut_memory: 16 + 40 * lanes + shallow(design.acc_depth(), 32 * lanes),
        ff: 210 + 508 * lanes + 415 * (lanes - 1),
        ram18: blocks(design.acc_depth(), 32 * lanes),
        uram: 0,
    }
}

fn banked(buffer: &BankedBuffer, clients: usize) -> Resources {
    let word = buffer.word_bytes * 8;
    let depth = buffer.bank_depth;
    let (lut_memory, ram18, uram) = match buffer.ram {
        RamConfig::Auto => (shallow(depth, word), blocks_of_lanes(depth, word), 0),
        // Asked for, even where lookup tables would do.
        RamConfig::Block => (0, blocks_of_lanes(depth.max(512), word), 0),
        // 4096 words of 64 bits, whose parity stays unused.
        RamConfig::Ultra => (0, 0, depth.div_ceil(4096) * word.div_ceil(64)),
    };
    // Measured with eight clients that read or write, and lanes of 8 bits.
    Resources {
        dsp: 0,
        lut: (266 + 4 * buffer.banks * word) * clients / 8,
        lut_memory: buffer.banks * lut_memory,
        ff: (215 + 9 * word) * clients / 8,
        ram18: buffer.banks * ram18,
        uram: buffer.banks * uram,
    }
}

fn weights_and_parameters(design: &Design) -> Resources {
    let weights = design.wbuf();
    let pbuf = 64 * design.cols();
    let square = design.rows() * design.rows() * design.activation_bits();
    let transposer = if design.dynamic_weights() { square } else { 0 };
    Resources {
        dsp: 0,
        lut: 110 + transposer * 4 / 7,
        lut_memory: shallow(weights.words, weights.word_bytes * 8)
            + shallow(design.pbuf_words(), pbuf),
        // Lookup tables need a register of their own at the output.
        ff: weights.word_bytes * 8
            + pbuf * if design.pbuf_words() <= 64 { 2 } else { 1 }
            + transposer,
        ram18: blocks(weights.words, weights.word_bytes * 8) + blocks(design.pbuf_words(), pbuf),
        uram: 0,
    }
}
