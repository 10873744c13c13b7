//! Binary32 on the lanes, interleaved reductions and reductions across lanes, against formulas
//! written in binary64: sums and products of binary32 rounded twice are rounded right.

use super::*;
use crate::exec::Cause;
use crate::isa::table::vector::{DST, FORMAT, Function, LEVELS, REDUCE, SRC1, SRC2, *};

fn float_design() -> Design {
    design(&[
        ("array.rows", "4"),
        ("array.cols", "4"),
        ("array.cell", "generic"),
        ("vector.float", "true"),
        ("vector.segments", "64"),
        ("vector.acc_depth", "8"),
    ])
}

fn real(bits: i32) -> f64 {
    let value = f32::from_bits(bits.cast_unsigned());
    f64::from(if value.is_subnormal() { 0.0_f32.copysign(value) } else { value })
}

/// The nearest binary32 number, subnormals flushed, the one NaN.
fn nearest(value: f64) -> i32 {
    let narrow = value as f32;
    let bits = if narrow.is_nan() {
        0x7fc0_0000
    } else if narrow.is_subnormal() {
        narrow.to_bits() & 0x8000_0000
    } else {
        narrow.to_bits()
    };
    bits.cast_signed()
}

fn expected(function: Function, a: i32, b: i32) -> i32 {
    let (x, y) = (real(a), real(b));
    // -0 below +0, a NaN nowhere.
    let order =
        |v: f64| if v == 0.0 { if v.is_sign_negative() { -1e-60 } else { 1e-60 } } else { v };
    let pick = |first: bool| match (x.is_nan(), y.is_nan()) {
        (true, _) => nearest(y),
        (_, true) => nearest(x),
        _ if first => nearest(x),
        _ => nearest(y),
    };
    match function {
        Function::Fadd => nearest(x + y),
        Function::Fsub => nearest(x - y),
        Function::Fmul => nearest(x * y),
        Function::Fmax => pick(order(x) >= order(y)),
        Function::Fmin => pick(order(x) <= order(y)),
        Function::Feq => i32::from(x == y),
        Function::Flt => i32::from(x < y),
        Function::Fle => i32::from(x <= y),
        Function::I2f => nearest(f64::from(a)),
        Function::F2i => {
            let floor = x.floor();
            let up = x - floor > 0.5 || x - floor == 0.5 && floor % 2.0 != 0.0;
            (floor + f64::from(u8::from(up))) as i32
        }
        Function::Fabs => nearest(x.abs()),
        Function::Fneg => nearest(-x),
        Function::Fsqr => nearest(x * x),
        _ => unreachable!(),
    }
}

const OPERATIONS: [Function; 13] = [
    Function::Fadd,
    Function::Fsub,
    Function::Fmul,
    Function::Fmax,
    Function::Fmin,
    Function::Feq,
    Function::Flt,
    Function::Fle,
    Function::I2f,
    Function::F2i,
    Function::Fabs,
    Function::Fneg,
    Function::Fsqr,
];

/// Bits of numbers at which something changes.
const CORNERS: [u32; 22] = [
    0,
    1,
    0x007f_ffff,
    0x0080_0000,
    0x0080_0001,
    0x3eff_ffff,
    0x3f00_0000,
    0x3f7f_ffff,
    0x3f80_0000,
    0x3f80_0001,
    0x3fc0_0000,
    0x4020_0000,
    0x4b7f_ffff,
    0x4b80_0000,
    0x4b80_0001,
    0x4eff_ffff,
    0x4f00_0000,
    0x7f00_0000,
    0x7f7f_ffff,
    0x7f80_0000,
    0x7f80_0001,
    0x7fc0_0000,
];

#[test]
fn operations_on_corners_and_random_numbers() {
    let design = float_design();
    let mut rng = Rng::new(31);
    let signed = CORNERS.iter().flat_map(|&bits| [bits, bits | 0x8000_0000]);
    let mut values: Vec<i32> = signed.map(u32::cast_signed).collect();
    values.extend((0..84).map(|_| rng.bits() as i32));
    let lanes = design.lanes();
    for function in OPERATIONS {
        for (round, b) in values.iter().enumerate() {
            let mut machine = machine(&design, &mut rng);
            let words = values.len() / lanes;
            machine.memory_mut().vmem[..values.len()].copy_from_slice(&values);
            let settings = vec![
                (loop0::COUNT, words as i64),
                (loop0::STRIDE, 1),
                (dst::ADDR, words as i64),
                (dst_01::S0, 1),
                (imm::VALUE, i64::from(*b)),
            ];
            let flags = [(SRC1, 1), (DST, 1), (FORMAT, 1)];
            execute(&mut machine, function, &settings, &flags).unwrap();
            for (i, &a) in values.iter().take(words * lanes).enumerate() {
                let got = machine.memory().vmem[words * lanes + i];
                let wanted = expected(function, a, *b);
                assert_eq!(got, wanted, "{function:?} {a:#x} {b:#x} round {round}");
            }
        }
    }
}

#[test]
fn interleaved_sums_keep_their_order_and_go_across_in_pairs() {
    let design = float_design();
    let mut rng = Rng::new(32);
    let lanes = design.lanes();
    for across in [0, 1] {
        let mut machine = machine(&design, &mut rng);
        // Magnitudes so different that any other order gives another sum.
        for value in machine.memory_mut().vmem.iter_mut() {
            let exponent = 100 + rng.bits() % 40;
            *value = (rng.bits() & 0x807f_ffff | exponent << 23) as i32;
        }
        let source = machine.memory().vmem.clone();
        let settings = vec![
            (loop0::COUNT, 5),
            (loop0::STRIDE, 1),
            (loop1::COUNT, 3),
            (loop1::STRIDE, 5),
            (loop2::COUNT, 2),
            (loop2::STRIDE, 15),
            (dst::ADDR, 40),
            (dst_01::S0, 2),
            (imm::VALUE, 0x8000_0000_u32.cast_signed().into()),
            (reduction::INTERLEAVE, 1),
            (reduction::ACROSS, across),
        ];
        let flags = [(SRC1, 1), (DST, 1), (FORMAT, 1), (REDUCE, 1), (LEVELS, 1)];
        execute(&mut machine, Function::Fadd, &settings, &flags).unwrap();
        for row in 0..5 {
            let mut sums = vec![0; lanes];
            for (lane, sum) in sums.iter_mut().enumerate() {
                let mut parts = (0..6).map(|r| source[(r * 5 + row) * lanes + lane]);
                let first = parts.next().unwrap();
                *sum = parts.fold(first, |sum, value| expected(Function::Fadd, sum, value));
            }
            if across == 1 {
                let pair = |a, b| expected(Function::Fadd, a, b);
                sums = vec![pair(pair(sums[0], sums[1]), pair(sums[2], sums[3])); lanes];
            }
            let at = (40 + 2 * row) * lanes;
            assert_eq!(machine.memory().vmem[at..at + lanes], sums, "row {row} across {across}");
        }
    }
}

#[test]
fn a_function_is_its_table() {
    let design = float_design();
    let mut rng = Rng::new(33);
    let mut machine = machine(&design, &mut rng);
    // 1 / x with four segments of mantissa: exact at powers of two.
    for (segment, c0) in [1.0_f32, 0.8, 0.75, 0.5].into_iter().enumerate() {
        machine.memory_mut().coeff[4 * (segment + 3)] = c0.to_bits().cast_signed();
    }
    let values = [2.0_f32, -4.0, 0.125, 3.0];
    for (to, value) in machine.memory_mut().vmem.iter_mut().zip(values) {
        *to = value.to_bits().cast_signed();
    }
    let settings = vec![
        (function::MODE, 2),
        (function::BASE, 3),
        (function::BITS, 2),
        (dst::ADDR, 1),
        (scale::VALUE, 2.0_f32.to_bits().into()),
    ];
    let flags = [(SRC1, 1), (DST, 1), (FORMAT, 2)];
    execute(&mut machine, Function::Function, &settings, &flags).unwrap();
    let lanes = design.lanes();
    let wanted = [1.0_f32, -0.5, 16.0, 0.75].map(|value| value.to_bits().cast_signed());
    assert_eq!(machine.memory().vmem[lanes..2 * lanes], wanted);
}

#[test]
fn illegal_launches() {
    let with = design(&[("vector.segments", "0"), ("vector.acc_depth", "8")]);
    let without = design(&[("vector.float", "false"), ("vector.segments", "0")]);
    let mut rng = Rng::new(34);
    let base = [(SRC1, 1), (DST, 1), (FORMAT, 1), (SRC2, 0)];
    let mut check = |design: &Design, function, settings: Settings, flags: Settings| {
        let mut machine = machine(design, &mut rng);
        let flags = [&base[..], &flags].concat();
        let stop = execute(&mut machine, function, &settings, &flags).unwrap_err();
        assert_eq!(stop.cause, Cause::Configuration, "{function:?} {settings:?} {flags:?}");
    };
    type Settings = Vec<(Field, i64)>;
    check(&without, Function::Fadd, vec![], vec![]);
    check(&with, Function::Function, vec![], vec![]);
    check(&with, Function::Fadd, vec![], vec![(REDUCE, 1)]);
    check(&with, Function::Add, vec![(reduction::ACROSS, 1)], vec![]);
    check(&with, Function::Add, vec![(reduction::INTERLEAVE, 1)], vec![]);
    check(&without, Function::Add, vec![(reduction::ACROSS, 1)], vec![(REDUCE, 1)]);
    let deep = vec![(reduction::INTERLEAVE, 1), (loop0::COUNT, 9)];
    check(&with, Function::Add, deep, vec![(REDUCE, 1)]);
    let unit = float_design();
    check(&unit, Function::Function, vec![(function::MODE, 5)], vec![]);
    check(&unit, Function::Function, vec![(function::BITS, 13)], vec![]);
}
