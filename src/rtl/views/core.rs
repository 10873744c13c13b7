//! `npu_top` and `npu_core`: every size of the machine, with its origin.

use askama::Template;

use super::custom;
use crate::design::{Cell, Design};
use crate::rtl::verilog;

/// Words of a program chunk that fetch asks for at once, in bytes.
const FETCH_CHUNK_BYTES: usize = 1024;

/// Bursts of program words the fetch queue holds.
const FETCH_BURSTS: usize = 8;

/// Bytes of a word of a lookup table.
const TABLE_WORD_BYTES: usize = 4;

/// A size: name, value with its semicolon, both padded, and where it comes from.
#[derive(Debug)]
struct Size {
    name: String,
    value: String,
    comment: String,
}

impl Size {
    fn new(name: &'static str, value: usize, comment: impl Into<String>) -> Size {
        Size::text(name, &value.to_string(), comment)
    }

    fn text(name: &'static str, value: &str, comment: impl Into<String>) -> Size {
        Size {
            name: format!("{name:<22}"),
            value: format!("{:<8}", format!("{value};")),
            comment: comment.into(),
        }
    }
}

/// Widths of the buses and the array's cell, for both modules.
#[derive(Debug)]
struct Ports {
    cell: usize,
    cell_name: &'static str,
    pc_w: usize,
    addr_range: String,
    data_range: String,
    strb_range: String,
    id_range: String,
    engines_range: String,
    retire_range: String,
    engines: usize,
}

/// Columns of the ranges in the port lists of the two modules.
const TOP_COLUMNS: usize = 15;
const CORE_COLUMNS: usize = 21;

impl Ports {
    fn new(design: &Design, columns: usize) -> Ports {
        let axi = design.axi();
        let range = |bits: usize| format!("{:<columns$}", format!("[{}:0]", bits - 1));
        Ports {
            cell: match design.cell() {
                Cell::Dsp48e2 => 0,
                Cell::Generic => 1,
                Cell::Simulation => 2,
            },
            cell_name: design.cell().name(),
            pc_w: design.pc_bits(),
            addr_range: range(axi.addr_bits),
            data_range: range(axi.data_bits),
            strb_range: range(axi.beat_bytes()),
            id_range: range(axi.id_bits),
            engines_range: range(design.engines().len()),
            retire_range: range(design.engines().len() * design.pc_bits()),
            engines: design.engines().len(),
        }
    }
}

/// The whole unit.
#[derive(Debug, Template)]
#[template(path = "rtl/npu_top.v")]
pub(super) struct TopView {
    ports: Ports,
    constants: Vec<Size>,
    fingerprint: String,
    axi_size: String,
}

impl TopView {
    pub fn new(design: &Design) -> TopView {
        let axi = design.axi();
        TopView {
            ports: Ports::new(design, TOP_COLUMNS),
            constants: vec![
                Size::new("ADDR_W", axi.addr_bits, "axi.addr_bits"),
                Size::new("DATA_W", axi.data_bits, "axi.data_bits"),
                Size::new("ID_W", axi.id_bits, "axi.id_bits"),
                Size::new("PC_W", design.pc_bits(), "bits of a position in the program"),
                Size::new("TRACE_DEPTH", design.trace_depth(), "control.trace_depth"),
                Size::new("NUM_ENGINES", design.engines().len(), "LOAD to STORE, and UNIT"),
                Size::new("NUM_FAULTS", design.engines().len() + 6, "units that report faults"),
            ],
            fingerprint: verilog::hex(64, design.fingerprint().0),
            axi_size: format!("3'd{}", axi.beat_bytes().trailing_zeros()),
        }
    }
}

/// Engines and buffers.
#[derive(Debug, Template)]
#[template(path = "rtl/npu_core.v")]
pub(super) struct CoreView {
    ports: Ports,
    constants: Vec<Size>,
    /// Custom operations with binary32 values.
    custom_float: String,
    /// Whether there is the engine UNIT.
    units: bool,
}

impl CoreView {
    pub fn new(design: &Design) -> CoreView {
        let mut constants = array(design);
        constants.extend(control(design));
        constants.extend(memory_port(design));
        constants.extend(buffers(design));
        CoreView {
            ports: Ports::new(design, CORE_COLUMNS),
            constants,
            custom_float: verilog::hex(64, custom::float_mask(design)),
            units: !design.units().is_empty(),
        }
    }
}

fn array(design: &Design) -> Vec<Size> {
    let (rows, cols, lanes) = (design.rows(), design.cols(), design.lanes());
    vec![
        Size::new("ROWS", rows, "array.rows"),
        Size::new("COLS", cols, "array.cols"),
        Size::new("ACT_W", design.activation_bits(), "array.activation_bits"),
        Size::new("WGT_W", design.weight_bits(), "array.weight_bits"),
        Size::new("SEGMENTS", design.segments(), "rows / 16, rounded up: loaded side by side"),
        Size::new(
            "SEG_ROWS",
            design.segment_rows(),
            "rows / SEGMENTS, rounded up: steps of a tile",
        ),
        Size::new("PACKED", design.packed().into(), "array.packed: the lowest weight is a fault"),
        Size::new("LANES", lanes, "vector.lanes"),
        Size::new("TAPS", design.taps(), "vector.taps"),
        Size::new("ACC_DEPTH", design.acc_depth(), "vector.acc_depth"),
        Size::new("ENABLE_FLOAT", design.float().into(), "vector.float"),
        Size::new("FUNCTION_SEGMENTS", design.function_segments(), "vector.segments"),
        Size::new(
            "CUSTOM_LATENCY",
            custom::slowest(design).map_or(0, |cycles| cycles as usize),
            "slowest of extensions.vector_ops",
        ),
        Size::new("TABLES", design.tables(), "post.tables, 0 without post.lookup"),
        Size::new("ENABLE_RESIDUAL", design.residual().into(), "post.residual"),
        Size::new("ENABLE_LOOKUP", design.lookup().into(), "post.lookup"),
        Size::new(
            "ENABLE_DYNAMIC_WEIGHTS",
            design.dynamic_weights().into(),
            "rows = cols = lanes, a power of two",
        ),
    ]
}

fn control(design: &Design) -> Vec<Size> {
    let semaphores = design.semaphores();
    let units = usize::from(!design.units().is_empty());
    vec![
        Size::new("NUM_SEMAPHORES", semaphores.count, "control.semaphores"),
        Size::new("SEMAPHORE_W", semaphores.width, "control.semaphore_bits"),
        Size::new("QUEUE_DEPTH", design.queue_depth(), "control.queue_depth: instructions"),
        Size::new("MAX_LAUNCHES", design.max_launches(), "launches of an engine in flight"),
        Size::new("ENABLE_UNIT", units, "extensions.units"),
        Size::new("IBUF_RD", 5 + 2 * units, "clients of IBUF that read"),
        Size::new("VMEM_RD", 4 + 2 * units, "clients of VMEM that read"),
        Size::new("NUM_WR", 2 + units, "engines that write to either"),
    ]
}

fn memory_port(design: &Design) -> Vec<Size> {
    let axi = design.axi();
    let fetch_burst = axi.max_burst_beats.min(FETCH_CHUNK_BYTES / axi.beat_bytes()).max(1);
    let write_fifo = (2 * axi.max_burst_beats).max(16);
    vec![
        Size::new("ADDR_W", axi.addr_bits, "axi.addr_bits"),
        Size::new("BUS_W", axi.data_bits, "axi.data_bits"),
        Size::new("ID_W", axi.id_bits, "axi.id_bits"),
        Size::new("MAX_BURST", axi.max_burst_beats, "axi.max_burst_beats"),
        Size::new(
            "READ_OUTSTANDING",
            axi.read_outstanding.max(2),
            "axi.read_outstanding: bursts, from 2",
        ),
        Size::new(
            "WRITE_OUTSTANDING",
            axi.write_outstanding.max(2),
            "axi.write_outstanding: bursts, from 2",
        ),
        Size::new("READ_FIFO_BEATS", axi.read_fifo_beats.max(4), "axi.read_fifo_beats: from 4"),
        Size::new("WRITE_FIFO_BEATS", write_fifo, "room for two bursts, from 16"),
        Size::new("FETCH_BURST", fetch_burst, "beats: at most 1 KiB, and max_burst_beats"),
        Size::new(
            "FETCH_BEATS",
            FETCH_BURSTS * fetch_burst,
            "room for eight bursts of the program",
        ),
    ]
}

fn buffers(design: &Design) -> Vec<Size> {
    let bus = design.axi().beat_bytes();
    let (ibuf, wbuf, vmem) = (design.ibuf(), design.wbuf(), design.vmem());
    let pbuf_bytes = 8 * design.cols();
    let ibuf_unit = unit(ibuf.word_bytes, bus);
    let wbuf_unit = unit(wbuf.word_bytes, bus);
    let vmem_unit = unit(vmem.word_bytes, bus);
    let pbuf_unit = unit(pbuf_bytes / 2, bus);
    let unit_max = ibuf_unit.max(wbuf_unit).max(vmem_unit).max(pbuf_unit).max(TABLE_WORD_BYTES);
    let most_units = (ibuf.word_bytes / ibuf_unit)
        .max(wbuf.word_bytes / wbuf_unit)
        .max(vmem.word_bytes / vmem_unit)
        .max(pbuf_bytes / pbuf_unit);
    let segment_bits = design.cols() * design.weight_bits();
    vec![
        Size::new("IBUF_BANKS", ibuf.banks, "buffers.ibuf.banks"),
        Size::new(
            "IBUF_BANK_DEPTH",
            ibuf.bank_depth,
            format!("words: {} bytes in all banks", ibuf.words * ibuf.word_bytes),
        ),
        Size::new(
            "IBUF_UNIT_BYTES",
            ibuf_unit,
            format!("largest divisor of {} not above the bus", ibuf.word_bytes),
        ),
        Size::new(
            "IBUF_LANE_W",
            gcd(design.activation_bits(), 8 * ibuf_unit),
            "divides an activation and a unit",
        ),
        Size::text("IBUF_RAM", &format!("{:?}", ibuf.ram.name()), "buffers.ibuf.ram"),
        Size::new("VMEM_BANKS", vmem.banks, "buffers.vmem.banks"),
        Size::new(
            "VMEM_BANK_DEPTH",
            vmem.bank_depth,
            format!("words: {} bytes in all banks", vmem.words * vmem.word_bytes),
        ),
        Size::new(
            "VMEM_UNIT_BYTES",
            vmem_unit,
            format!("largest divisor of {} not above the bus", vmem.word_bytes),
        ),
        Size::new("VMEM_LANE_W", gcd(32, 8 * vmem_unit), "divides a value and a unit"),
        Size::text("VMEM_RAM", &format!("{:?}", vmem.ram.name()), "buffers.vmem.ram"),
        Size::new(
            "WBUF_DEPTH",
            wbuf.words,
            format!("words: {} bytes", wbuf.words * wbuf.word_bytes),
        ),
        Size::new(
            "WBUF_UNIT_BYTES",
            wbuf_unit,
            format!("largest divisor of {} not above the bus", wbuf.word_bytes),
        ),
        Size::new(
            "WBUF_LANE_W",
            gcd(segment_bits, 8 * wbuf_unit),
            "divides a segment's weights and a unit",
        ),
        Size::new("OBUF_DEPTH", design.obuf_depth(), "buffers.obuf.depth: vectors"),
        Size::new("PBUF_DEPTH", design.pbuf_words(), "words: buffers.pbuf.channels / cols"),
        Size::new(
            "PBUF_UNIT_BYTES",
            pbuf_unit,
            format!("largest divisor of {} not above the bus", pbuf_bytes / 2),
        ),
        Size::new("UNIT_MAX", unit_max, "bytes of the largest unit"),
        Size::new("UNIT_W", bits(most_units), format!("a word has up to {most_units} units")),
    ]
}

/// What LOAD writes at once: the largest divisor of a word that is not above the bus width.
fn unit(word_bytes: usize, bus_bytes: usize) -> usize {
    (1..=bus_bytes.min(word_bytes))
        .rev()
        .find(|bytes| word_bytes.is_multiple_of(*bytes))
        .unwrap_or(1)
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Bits that count `number` things from zero, at least one.
fn bits(number: usize) -> usize {
    (usize::BITS - number.saturating_sub(1).leading_zeros()).max(1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_divide_words() {
        assert_eq!(unit(16, 16), 16);
        assert_eq!(unit(16, 64), 16);
        assert_eq!(unit(24, 16), 12);
        assert_eq!(unit(7, 4), 1);
        assert_eq!(unit(28, 16), 14);
    }

    #[test]
    fn lanes_divide_elements_and_units() {
        assert_eq!(gcd(32, 8 * 14), 16);
        assert_eq!(gcd(16, 8 * 9), 8);
        assert_eq!(gcd(4, 8), 4);
    }

    #[test]
    fn bits_of_positions() {
        assert_eq!([1, 2, 3, 4, 5].map(bits), [1, 1, 2, 2, 3]);
    }
}
