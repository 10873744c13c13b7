//! The function unit: a piecewise quadratic with loadable coefficients. The argument chooses a
//! segment and the distance from its start; what the argument's exponent contributes is applied to
//! the result.

use super::float::{NAN, add, flush, from_int, mul, rint};

/// How the argument becomes a segment and a distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The fraction chooses, the whole part is the exponent of the result: 2^x.
    Period,
    /// The mantissa chooses.
    Mantissa,
    /// The mantissa chooses, the result is divided by the power of two: 1 / x.
    Reciprocal,
    /// Mantissa and parity of the exponent choose, half the exponent divides: 1 / sqrt(x).
    Root,
    /// Sign, exponent and mantissa choose: functions that differ from octave to octave.
    Octaves,
}

impl Mode {
    /// Every mode, by number.
    pub const ALL: [Mode; 5] =
        [Mode::Period, Mode::Mantissa, Mode::Reciprocal, Mode::Root, Mode::Octaves];

    /// Mode with this number in the register, if there is one.
    pub fn from_number(number: u32) -> Option<Mode> {
        Mode::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// Number in the register.
    pub const fn number(self) -> u32 {
        self as u32
    }
}

/// What the registers say of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Use of the argument.
    pub mode: Mode,
    /// First segment.
    pub base: usize,
    /// Binary logarithm of the segments of a period, a mantissa or an octave.
    pub bits: u32,
    /// Biased exponent of the lowest octave.
    pub low: u32,
    /// Octaves for each sign.
    pub octaves: u32,
    /// Segments that exist; beyond them it is segment 0.
    pub segments: usize,
}

/// A function ready to be loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Use of the argument; `base` is 0 and `segments` the number of coefficients.
    pub form: Unit,
    /// c0, c1, c2 of each segment.
    pub coefficients: Vec<[f32; 3]>,
}

impl Table {
    /// What the function unit gives for x.
    pub fn apply(&self, x: f32) -> f32 {
        self.form.apply(x, |segment| self.coefficients.get(segment).copied().unwrap_or_default())
    }
}

/// Bits of a mantissa.
const MANTISSA: u32 = 23;
/// Bits of a fraction of a period, and of a mantissa below the parity of the exponent.
const FRACTION: u32 = 24;
const BIAS: i32 = 127;

/// Segment, distance, and what is done with the polynomial's value.
struct Argument {
    segment: u32,
    distance: f32,
    finish: Finish,
}

enum Finish {
    /// Times 2^k.
    Scale(i32),
    /// Times 2^k with the sign of the operand.
    Signed(i32, bool),
    /// This instead.
    Value(f32),
}

impl Unit {
    /// Most segments of an octave, as a binary logarithm.
    pub const MAX_BITS: u32 = 12;

    /// The function of an operand, with the coefficients c0, c1, c2 of each segment.
    pub fn apply(&self, x: f32, coefficients: impl Fn(usize) -> [f32; 3]) -> f32 {
        let Argument { segment, distance, finish } = self.argument(flush(x));
        let segment = (self.base + segment as usize) & 0xffff;
        let [c0, c1, c2] = coefficients(if segment < self.segments { segment } else { 0 });
        let y = add(mul(add(mul(c2, distance), c1), distance), c0);
        match finish {
            Finish::Scale(power) => scale(y, power),
            Finish::Signed(power, negative) => {
                let y = scale(y, power);
                f32::from_bits(y.to_bits() ^ u32::from(negative && !y.is_nan()) << 31)
            }
            Finish::Value(value) => value,
        }
    }

    /// Segments a table of this form has.
    pub const fn size(&self) -> usize {
        match self.mode {
            Mode::Octaves => 2 * ((self.octaves as usize) << self.bits) + 4,
            _ => 1 << self.bits,
        }
    }

    fn argument(&self, x: f32) -> Argument {
        let bits = x.to_bits();
        let negative = x.is_sign_negative();
        let exponent = bits >> MANTISSA & 0xff;
        let mantissa = bits & ((1 << MANTISSA) - 1);
        let unbiased = exponent.cast_signed() - BIAS;
        match self.mode {
            Mode::Period => {
                let fixed = rint(x * 2.0_f32.powi(FRACTION.cast_signed()));
                let fraction = fixed.cast_unsigned() & ((1 << FRACTION) - 1);
                let finish = Finish::Scale(fixed >> FRACTION);
                self.split(fraction, FRACTION, finish)
            }
            Mode::Mantissa => self.split(mantissa, MANTISSA, Finish::Scale(0)),
            Mode::Reciprocal => {
                let finish = if x.is_nan() {
                    Finish::Value(NAN)
                } else if x == 0.0 {
                    Finish::Value(f32::INFINITY.copysign(x))
                } else if x.is_infinite() {
                    Finish::Value(0.0_f32.copysign(x))
                } else {
                    Finish::Signed(-unbiased, negative)
                };
                self.split(mantissa, MANTISSA, finish)
            }
            Mode::Root => {
                let finish = if x == 0.0 {
                    Finish::Value(f32::INFINITY.copysign(x))
                } else if x.is_nan() || negative {
                    Finish::Value(NAN)
                } else if x.is_infinite() {
                    Finish::Value(0.0)
                } else {
                    Finish::Scale(-unbiased.div_euclid(2))
                };
                let parity = unbiased.rem_euclid(2).cast_unsigned();
                self.split(parity << MANTISSA | mantissa, FRACTION, finish)
            }
            Mode::Octaves => {
                let half = (self.octaves << self.bits) + 2;
                let first = if negative { half } else { 0 };
                let (segment, distance) = if exponent < self.low {
                    (0, x.abs())
                } else if exponent < self.low + self.octaves {
                    let above = MANTISSA - self.bits;
                    let segment = 1 + ((exponent - self.low) << self.bits) + (mantissa >> above);
                    (segment, from_int((mantissa & ((1 << above) - 1)).cast_signed()))
                } else {
                    let largest = if x.is_infinite() { f32::MAX } else { x.abs() };
                    (half - 1, largest)
                };
                Argument { segment: first + segment, distance, finish: Finish::Scale(0) }
            }
        }
    }

    /// The upper bits of `value` choose the segment, the others are the distance.
    fn split(&self, value: u32, width: u32, finish: Finish) -> Argument {
        let below = width - self.bits;
        let distance = from_int((value & ((1 << below) - 1)).cast_signed());
        Argument { segment: value >> below, distance, finish }
    }
}

/// A result times 2^power: zero, infinity and NaN stay, the exponent saturates.
fn scale(y: f32, power: i32) -> f32 {
    let exponent = (y.to_bits() >> MANTISSA & 0xff).cast_signed();
    if exponent == 0 || exponent == 255 {
        return y;
    }
    let sum = exponent + power;
    let sign_and_mantissa = y.to_bits() & 0x807f_ffff;
    if sum <= 0 {
        0.0_f32.copysign(y)
    } else if sum >= 255 {
        f32::INFINITY.copysign(y)
    } else {
        f32::from_bits(sign_and_mantissa | sum.cast_unsigned() << MANTISSA)
    }
}
