//! IEEE-754 binary32 as the lanes compute it: round to nearest even, every operation rounded by
//! itself, subnormal operands and results replaced by zero with their sign.
//!
//! Rust's `f32` operations are exactly rounded and never fused, so they are the definition; only
//! the treatment of subnormals is added.

/// Smallest magnitude a scale other than zero may have: 2^-100.
pub const MIN_SCALE: f32 = f32::from_bits(0x0d80_0000);

/// Magnitudes of scales stay below this: 2^64.
pub const SCALE_LIMIT: f32 = f32::from_bits(0x5f80_0000);

/// Whether the value may be used as a scale: zero, or a magnitude in [2^-100, 2^64).
///
/// With such scales no operation of the lane can produce an infinity, a NaN or a subnormal number:
/// a product of an integer and a scale is zero or at least 2^-100 and below 2^95, and the
/// difference of two such products is zero or at least one unit in the last place of 2^-100,
/// which is 2^-123.
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

/// Product.
pub fn mul(a: f32, b: f32) -> f32 {
    flush(flush(a) * flush(b))
}

/// Sum.
pub fn add(a: f32, b: f32) -> f32 {
    flush(flush(a) + flush(b))
}

/// Nearest integer, halves to the even one, saturated to the range of `i32`; a NaN gives 0.
pub fn rint(value: f32) -> i32 {
    // `as` saturates and takes NaN to 0 by definition.
    value.round_ties_even() as i32
}
