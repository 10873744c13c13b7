//! IEEE-754 binary32 as the lanes compute it: round to nearest even, every operation rounded by
//! itself (of which [`fma`] is one), subnormal operands and results replaced by zero with their
//! sign.
//!
//! Rust's `f32` operations are exactly rounded and never fused unasked, so they are the definition;
//! only the treatment of subnormals is added.

/// Smallest magnitude a scale other than zero may have: 2^-100.
pub const MIN_SCALE: f32 = f32::from_bits(0x0d80_0000);

/// Magnitudes of scales stay below this: 2^64.
pub const SCALE_LIMIT: f32 = f32::from_bits(0x5f80_0000);

/// Whether the value may be used as a scale, or as the offset of a residual addition: zero, or a
/// magnitude in [2^-100, 2^64).
///
/// With these no operation of the lane can produce an infinity, a NaN or a subnormal number: all of
/// them, and so all sums of their products with integers, are multiples of 2^-123, the unit in the
/// last place of 2^-100; rounding keeps that. And such a product is below 2^95.
pub fn is_scale(value: f32) -> bool {
    let magnitude = value.abs();
    value == 0.0 && !value.is_subnormal() || (MIN_SCALE..SCALE_LIMIT).contains(&magnitude)
}

/// A subnormal number becomes zero with its sign; everything else stays.
pub fn flush(value: f32) -> f32 {
    if value.is_subnormal() { 0.0_f32.copysign(value) } else { value }
}

/// Integer to binary32, round to nearest even.
pub fn from_int(value: i32) -> f32 {
    // The one conversion of this kind; `as` rounds to nearest even by definition.
    value as f32
}

/// The one NaN the lanes produce.
pub const NAN: f32 = f32::from_bits(0x7fc0_0000);

/// Subnormal numbers become zero with their sign, every NaN becomes [`NAN`].
pub fn canonical(value: f32) -> f32 {
    if value.is_nan() { NAN } else { flush(value) }
}

/// Product.
pub fn mul(a: f32, b: f32) -> f32 {
    canonical(flush(a) * flush(b))
}

/// Sum.
pub fn add(a: f32, b: f32) -> f32 {
    canonical(flush(a) + flush(b))
}

/// `a * b + c`, rounded once.
pub fn fma(a: f32, b: f32, c: f32) -> f32 {
    canonical(flush(a).mul_add(flush(b), flush(c)))
}

/// Difference.
pub fn sub(a: f32, b: f32) -> f32 {
    canonical(flush(a) - flush(b))
}

/// The larger operand; of two zeros the positive one, beside a NaN the other operand.
pub fn max(a: f32, b: f32) -> f32 {
    let (a, b) = (canonical(a), canonical(b));
    if a.is_nan() || (!b.is_nan() && a.total_cmp(&b).is_lt()) { b } else { a }
}

/// The smaller operand; of two zeros the negative one, beside a NaN the other operand.
pub fn min(a: f32, b: f32) -> f32 {
    let (a, b) = (canonical(a), canonical(b));
    if a.is_nan() || (!b.is_nan() && a.total_cmp(&b).is_gt()) { b } else { a }
}

/// Whether two numbers are equal: both zeros are, a NaN is not.
pub fn equal(a: f32, b: f32) -> bool {
    flush(a) == flush(b)
}

/// Whether a is below b; false with a NaN.
pub fn less(a: f32, b: f32) -> bool {
    flush(a) < flush(b)
}

/// Whether a is not above b; false with a NaN.
pub fn at_most(a: f32, b: f32) -> bool {
    flush(a) <= flush(b)
}

/// Magnitude.
pub fn abs(a: f32) -> f32 {
    canonical(a.abs())
}

/// The same magnitude with the other sign.
pub fn neg(a: f32) -> f32 {
    canonical(-a)
}

/// Nearest integer, halves to the even one, saturated to the range of `i32`; a NaN gives 0.
pub fn rint(value: f32) -> i32 {
    // `as` saturates and takes NaN to 0 by definition.
    value.round_ties_even() as i32
}
