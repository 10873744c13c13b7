//! The post-processing lane, the same in GEMM and VECTOR.

use super::float::{add, from_int, mul, rint};

/// Where a requantized value goes: its zero point and the clamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quant {
    /// Added after rounding.
    pub zero: i32,
    /// Lower limit of the result.
    pub min: i32,
    /// Upper limit of the result.
    pub max: i32,
}

impl Quant {
    /// Rounds, adds the zero point without wrapping, clamps.
    pub fn apply(self, value: f32) -> i32 {
        let shifted = i64::from(rint(value)) + i64::from(self.zero);
        if shifted < i64::from(self.min) {
            self.min
        } else if shifted > i64::from(self.max) {
            self.max
        } else {
            // Between two numbers of 32 bits, so it is one.
            i32::try_from(shifted).unwrap_or(self.max)
        }
    }
}

/// The residual addition that may follow a requantization.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Residual {
    /// Scale of the requantized value.
    pub scale_a: f32,
    /// Scale of the other tensor.
    pub scale_b: f32,
    /// Zero point of the other tensor.
    pub zero_b: i32,
    /// Requantization of the sum.
    pub quant: Quant,
}

/// The lane's first step: accumulator plus bias, wrapping. This is the format int32.
pub fn biased(acc: i32, bias: i32) -> i32 {
    acc.wrapping_add(bias)
}

/// The format binary32: the biased accumulator times the scale.
pub fn scaled(t: i32, scale: f32) -> f32 {
    mul(from_int(t), scale)
}

/// The format activation: biased accumulator to activation.
pub fn requantize(t: i32, scale: f32, quant: Quant) -> i32 {
    quant.apply(scaled(t, scale))
}

/// Adds a second tensor to a requantized value whose zero point is `zero_a`.
pub fn add_residual(a: i32, zero_a: i32, skip: i32, residual: Residual) -> i32 {
    let first = scaled(a.wrapping_sub(zero_a), residual.scale_a);
    let second = scaled(skip.wrapping_sub(residual.zero_b), residual.scale_b);
    residual.quant.apply(add(first, second))
}

/// Position of an activation in a lookup table of 256 entries.
pub fn lookup_index(activation: i32) -> u8 {
    activation.to_le_bytes()[0]
}

/// The low `bits` bits (1 to 32) as a two's complement number.
pub fn sign_extend(value: u32, bits: u32) -> i32 {
    let unused = 32 - bits.clamp(1, 32);
    (value << unused).cast_signed() >> unused
}
