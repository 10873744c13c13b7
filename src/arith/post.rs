//! The post-processing lane, the same in GEMM and VECTOR.

use super::float::{fma, from_int, mul, rint, sub};

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

/// The residual addition that may follow a requantization: of a, the requantized value, and b, that
/// of another tensor. Neither has its zero point subtracted; `offset` makes up for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Residual {
    /// Scale of a.
    pub scale_a: f32,
    /// Scale of b.
    pub scale_b: f32,
    /// Where the sum begins, see [`residual_offset`].
    pub offset: f32,
    /// Whether a's product is the one that is added to the offset, and b's to that sum; else the
    /// other way round. For a sum whose second operand is a.
    pub a_is_inner: bool,
    /// Lower limit of the result.
    pub min: i32,
    /// Upper limit of the result.
    pub max: i32,
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

/// Adds b, an element of another tensor, to the requantized value a.
pub fn add_residual(a: i32, b: i32, residual: Residual) -> i32 {
    let Residual { scale_a, scale_b, offset, a_is_inner, min, max } = residual;
    let (of_a, of_b) = ((from_int(a), scale_a), (from_int(b), scale_b));
    let (inner, outer) = if a_is_inner { (of_a, of_b) } else { (of_b, of_a) };
    let sum = fma(outer.0, outer.1, fma(inner.0, inner.1, offset));
    Quant { zero: 0, min, max }.apply(sum)
}

/// Offset of the sum of two tensors in onnxruntime's QLinearAdd: the scale of each over that of the
/// sum, with its zero point, and the zero point of the sum. The second is the inner one.
pub fn residual_offset(first: (f32, i32), second: (f32, i32), zero: i32) -> f32 {
    let zeros = fma(first.0, from_int(first.1), mul(second.0, from_int(second.1)));
    sub(from_int(zero), zeros)
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
