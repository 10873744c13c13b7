//! Each engine against references written from the formulas of docs/machine.md, as slow and plain
//! as they stand there.

mod flow;
mod gemm;
mod load;
mod store;
mod vector;
mod vector_float;

use super::{Machine, Memory, Stop, Writes};
use crate::config::Override;
use crate::cosim::rng::Rng;
use crate::design::Design;
use crate::isa::{Call, Engine, Field, Flags, Registers};
use crate::program::{Program, Region, RegionKind, Target};

/// A configuration as `key=value` pairs on top of `tiny`.
fn design(settings: &[(&str, &str)]) -> Design {
    let overrides: Vec<Override> = settings
        .iter()
        .map(|(key, value)| Override {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
            flag: format!("{key}={value}"),
        })
        .collect();
    Design::preset_with("tiny", &overrides).unwrap()
}

/// An array of this shape with these widths of activations and weights.
fn shaped(rows: usize, cols: usize, lanes: usize, a: u32, b: u32) -> Design {
    design(&[
        ("array.rows", &rows.to_string()),
        ("array.cols", &cols.to_string()),
        ("vector.lanes", &lanes.to_string()),
        ("array.activation_bits", &a.to_string()),
        ("post.lookup", if a > 8 { "false" } else { "true" }),
        ("array.weight_bits", &b.to_string()),
        ("buffers.ibuf.size", &format!("{} B", 256 * 4 * rows * a as usize / 8)),
        ("buffers.wbuf.size", &format!("{} B", 256 * rows.div_ceil(16) * cols * b as usize / 8)),
        ("buffers.pbuf.channels", &(cols * 6).to_string()),
        ("buffers.vmem.size", &format!("{} B", 2 * 64 * 4 * lanes)),
    ])
}

/// Shapes with R = C, R > C, R < C, more than one segment, lanes below rows, all widths.
fn shapes() -> Vec<Design> {
    [
        (4, 4, 4, 8, 8),
        (4, 8, 4, 8, 8),
        (8, 4, 8, 8, 8),
        (8, 4, 4, 8, 8),
        (7, 7, 7, 8, 8),
        (12, 24, 12, 8, 8),
        (24, 12, 12, 8, 8),
        (32, 16, 16, 8, 4),
        (8, 8, 8, 4, 8),
        (8, 4, 4, 16, 4),
        (4, 8, 4, 16, 16),
        (1, 1, 1, 8, 8),
        (2, 6, 2, 8, 8),
    ]
    .into_iter()
    .map(|(rows, cols, lanes, a, b)| shaped(rows, cols, lanes, a, b))
    .collect()
}

/// A machine whose buffers and regions 0 (input) and 1 (output) hold random data.
fn machine(design: &Design, rng: &mut Rng) -> Machine {
    let mut machine = Machine::new(design);
    let region = |base: u8, kind| Region {
        base,
        name: format!("r{base}"),
        kind,
        size: 4096,
        data: Vec::new(),
    };
    let program = Program {
        target: Target::of(design),
        regions: vec![region(0, RegionKind::Input), region(1, RegionKind::Output)],
        ..Program::default()
    };
    machine.load(&program).unwrap();
    let shape = *machine.shape();
    let memory = machine.memory_mut();
    let element = |rng: &mut Rng, bits: u32| {
        let half = 1_i64 << (bits - 1);
        (i64::try_from(rng.below(2 * half as u64)).unwrap() - half) as i16
    };
    memory.ibuf.iter_mut().for_each(|e| *e = element(rng, shape.activation_bits));
    memory.wbuf.iter_mut().for_each(|e| *e = element(rng, shape.weight_bits));
    memory.vmem.iter_mut().for_each(|e| *e = rng.bits() as i32);
    memory.obuf.iter_mut().for_each(|e| *e = rng.bits() as i32);
    memory.table.iter_mut().for_each(|e| *e = rng.bits() as u8);
    for word in memory.pbuf.chunks_exact_mut(2 * shape.cols) {
        let (bias, scale) = word.split_at_mut(shape.cols);
        bias.iter_mut().for_each(|e| *e = rng.bits() as i32 >> 18);
        scale.iter_mut().for_each(|e| *e = a_scale(rng));
    }
    for region in &mut memory.regions {
        region.bytes.iter_mut().for_each(|e| *e = rng.bits() as u8);
    }
    machine
}

/// Bits of a scale between 2^-12 and 2.
fn a_scale(rng: &mut Rng) -> i32 {
    ((115 + rng.below(13) as i32) << 23) | (rng.bits() & 0x7f_ffff) as i32
}

/// Bits of an offset: an integer, an exact half, or anything of that size.
fn an_offset(rng: &mut Rng, (low, high): (i64, i64)) -> u32 {
    let whole = between(rng, low, high) as f32;
    let rest = match rng.below(3) {
        0 => 0.0,
        1 => 0.5,
        _ => rng.below(1000) as f32 / 1000.0,
    };
    (whole + rest).to_bits()
}

/// A number from `low` to `high`.
fn between(rng: &mut Rng, low: i64, high: i64) -> i64 {
    low + i64::try_from(rng.below((high - low + 1) as u64)).unwrap()
}

fn registers(engine: Engine, values: &[(Field, i64)]) -> Registers {
    let mut registers = Registers::new(engine);
    for &(field, value) in values {
        registers.set(field, value).unwrap();
    }
    registers
}

fn flags(values: &[(Field, i64)]) -> Flags {
    values.iter().fold(Flags::NONE, |flags, &(field, value)| flags.with(field, value).unwrap())
}

fn execute(
    machine: &mut Machine,
    call: impl Into<Call>,
    values: &[(Field, i64)],
    set: &[(Field, i64)],
) -> Result<Writes, Stop> {
    let call = call.into();
    machine.execute(call, &registers(call.engine, values), flags(set))
}

/// Asserts that two memories are equal, naming the first element that is not.
fn same(got: &Memory, expected: &Memory, what: &str) {
    fn first<T: PartialEq + std::fmt::Debug>(name: &str, a: &[T], b: &[T], what: &str) {
        if let Some(at) = a.iter().zip(b).position(|(a, b)| a != b) {
            panic!("{what}: {name}[{at}] is {:?}, expected {:?}", a[at], b[at]);
        }
    }
    first("ibuf", &got.ibuf, &expected.ibuf, what);
    first("wbuf", &got.wbuf, &expected.wbuf, what);
    first("obuf", &got.obuf, &expected.obuf, what);
    first("pbuf", &got.pbuf, &expected.pbuf, what);
    first("vmem", &got.vmem, &expected.vmem, what);
    first("table", &got.table, &expected.table, what);
    for (a, b) in got.regions.iter().zip(&expected.regions) {
        first(&a.name, &a.bytes, &b.bytes, what);
    }
}
