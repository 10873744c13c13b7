//! The function unit against its rules, written with whole numbers and binary64.

use proptest::prelude::*;

use super::float::NAN;
use super::function::{Mode, Unit};

/// Binary64 to binary32 as the lanes round it. A sum or product of two binary32 numbers loses
/// nothing that matters in binary64: it has more than twice the bits.
fn narrow(value: f64) -> f32 {
    let rounded = value as f32;
    if rounded.is_nan() {
        NAN
    } else if rounded.abs() < f32::MIN_POSITIVE {
        f32::from_bits(rounded.to_bits() & 0x8000_0000)
    } else {
        rounded
    }
}

/// An operand: a subnormal number is zero.
fn wide(value: f32) -> f64 {
    if value.abs() < f32::MIN_POSITIVE {
        return if value.is_sign_negative() { -0.0 } else { 0.0 };
    }
    f64::from(value)
}

fn polynomial([c0, c1, c2]: [f32; 3], d: f64) -> f32 {
    let product = narrow(wide(c2) * d);
    let slope = narrow(wide(product) + wide(c1));
    let product = narrow(wide(slope) * d);
    narrow(wide(product) + wide(c0))
}

/// Significand in [1, 2) and exponent of a finite number other than zero.
fn parts(x: f64) -> (f64, i32) {
    let (mut significand, mut exponent) = (x.abs(), 0);
    while significand >= 2.0 {
        significand /= 2.0;
        exponent += 1;
    }
    while significand < 1.0 {
        significand *= 2.0;
        exponent -= 1;
    }
    (significand, exponent)
}

/// Times a power of two, without a second rounding.
fn scaled(y: f32, power: i32) -> f32 {
    let exact = f64::from(y) * 2.0_f64.powi(power);
    if exact.abs() >= 2.0_f64.powi(128) {
        return if exact > 0.0 { f32::INFINITY } else { f32::NEG_INFINITY };
    }
    if exact != 0.0 && exact.abs() < 2.0_f64.powi(-126) {
        return if exact > 0.0 { 0.0 } else { -0.0 };
    }
    narrow(exact)
}

/// Cuts a whole number below 2^width into the segment and the distance from its start.
fn cut(value: f64, width: i32, bits: u32) -> (u64, f64) {
    let length = 2.0_f64.powi(width - bits as i32);
    let segment = (value / length).floor();
    (segment as u64, value - segment * length)
}

fn expected(unit: &Unit, x: f32, table: &[[f32; 3]]) -> f32 {
    let bits = unit.bits;
    let poly = |segment: u64, d: f64| {
        let index = ((unit.base as u64 + segment) % 65536) as usize;
        polynomial(if index < unit.segments { table[index] } else { table[0] }, d)
    };
    // Of a NaN the unit takes the bits where it takes any.
    let payload = 1.0 + f64::from(x.to_bits() & 0x7f_ffff) / 8_388_608.0;
    let x = wide(x);
    match unit.mode {
        Mode::Period => {
            let fixed = (x * 16_777_216.0).round_ties_even();
            let fixed = if fixed.is_nan() { 0.0 } else { fixed };
            let fixed = fixed.clamp(-2_147_483_648.0, 2_147_483_647.0);
            let whole = (fixed / 16_777_216.0).floor();
            let (segment, d) = cut(fixed - whole * 16_777_216.0, 24, bits);
            scaled(poly(segment, d), whole as i32)
        }
        Mode::Mantissa => {
            // Zeros and infinities are like 1.
            let significand = if x == 0.0 || x.is_infinite() {
                1.0
            } else if x.is_nan() {
                payload
            } else {
                parts(x).0
            };
            let (segment, d) = cut((significand - 1.0) * 8_388_608.0, 23, bits);
            poly(segment, d)
        }
        Mode::Reciprocal => {
            if x.is_nan() {
                return NAN;
            }
            if x == 0.0 || x.is_infinite() {
                return narrow(1.0 / x);
            }
            let (significand, exponent) = parts(x);
            let (segment, d) = cut((significand - 1.0) * 8_388_608.0, 23, bits);
            let y = scaled(poly(segment, d), -exponent);
            if y.is_nan() {
                NAN
            } else if x < 0.0 {
                -y
            } else {
                y
            }
        }
        Mode::Root => {
            if x == 0.0 {
                return narrow(1.0 / x);
            }
            if x.is_nan() || x < 0.0 {
                return NAN;
            }
            if x.is_infinite() {
                return 0.0;
            }
            let (significand, exponent) = parts(x);
            let half = (f64::from(exponent) / 2.0).floor() as i32;
            let odd = f64::from(exponent - 2 * half);
            let (segment, d) = cut((significand - 1.0 + odd) * 8_388_608.0, 24, bits);
            scaled(poly(segment, d), -half)
        }
        Mode::Octaves => {
            let half = u64::from(unit.octaves) * (1 << bits) + 2;
            let first = if x.is_sign_negative() { half } else { 0 };
            let low = i64::from(unit.low) - 127;
            // An infinity has the exponent above all, a zero the one below all.
            let exponent = if x == 0.0 {
                -127
            } else if x.is_finite() {
                i64::from(parts(x).1)
            } else {
                128
            };
            if exponent < low {
                return poly(first, x.abs());
            }
            let above = exponent - low;
            if above >= i64::from(unit.octaves) {
                return poly(first + half - 1, x.abs().min(f64::from(f32::MAX)) + 0.0 * x.signum());
            }
            // Where the lowest exponent is that of zero, zero has a mantissa of zeros.
            let significand = if x.is_infinite() || x == 0.0 {
                1.0
            } else if x.is_nan() {
                payload
            } else {
                parts(x).0
            };
            let (segment, d) = cut((significand - 1.0) * 8_388_608.0, 23, bits);
            poly(first + 1 + (above as u64) * (1 << bits) + segment, d)
        }
    }
}

fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits()
}

/// Numbers of every kind, most of them of moderate size.
fn number() -> impl Strategy<Value = f32> {
    let every = any::<u32>().prop_map(f32::from_bits);
    let near = (any::<u32>(), 90_u32..150)
        .prop_map(|(bits, e)| f32::from_bits(bits & 0x807f_ffff | e << 23));
    let edge = prop::sample::select(vec![
        0.0,
        -0.0,
        1.0,
        -1.0,
        f32::INFINITY,
        f32::NEG_INFINITY,
        NAN,
        f32::from_bits(0xffc0_0000),
        f32::from_bits(1),
        f32::from_bits(0x807f_ffff),
        f32::MAX,
        f32::MIN,
        f32::MIN_POSITIVE,
        128.0,
        127.999_99,
        -128.0,
        -126.0,
        -127.5,
    ]);
    prop_oneof![3 => near, 1 => every, 1 => edge]
}

fn unit() -> impl Strategy<Value = Unit> {
    let base = prop_oneof![3 => 0_usize..40, 1 => 65_500_usize..65_536];
    let octaves = prop_oneof![3 => 0_u32..20, 1 => 0_u32..256];
    let low = prop_oneof![3 => 110_u32..135, 1 => 0_u32..256];
    (0_usize..5, base, 0_u32..13, low, octaves, 16_usize..5000).prop_map(
        |(mode, base, bits, low, octaves, segments)| Unit {
            mode: Mode::ALL[mode],
            base,
            bits,
            low,
            octaves,
            segments,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn the_unit_follows_its_rules(
        unit in unit(), x in number(), seed in prop::collection::vec(number(), 12), odd in 1_usize..5,
    ) {
        // Coefficients differ from one segment to the next.
        let table: Vec<[f32; 3]> = (0..unit.segments)
            .map(|s| [seed[s * odd % 12], seed[(s * 5 + 1) % 12], seed[(s / 7 + 2) % 12]])
            .collect();
        let got = unit.apply(x, |segment| table[segment]);
        let expected = expected(&unit, x, &table);
        prop_assert!(same(got, expected), "{unit:?} of {x:e}: {got:e}, not {expected:e}");
    }
}

fn unit_of(mode: Mode, bits: u32) -> Unit {
    Unit { mode, base: 0, bits, low: 120, octaves: 10, segments: 512 }
}

/// Every segment gives its number, whatever the distance.
fn segment(unit: &Unit, x: f32) -> f32 {
    unit.apply(x, |segment| [segment as f32, 0.0, 0.0])
}

#[test]
fn segments_by_hand() {
    // 1.75 is three quarters into its octave.
    assert_eq!(segment(&unit_of(Mode::Mantissa, 3), 1.75), 6.0);
    assert_eq!(segment(&unit_of(Mode::Mantissa, 3), -14.0), 6.0);
    // 2^1.75: segment 6 of 8, times 2.
    assert_eq!(segment(&unit_of(Mode::Period, 3), 1.75), 12.0);
    assert_eq!(segment(&unit_of(Mode::Period, 3), -0.25), 3.0);
    // 1 / 14: exponent 3.
    assert_eq!(segment(&unit_of(Mode::Reciprocal, 3), -14.0), -0.75);
    // 14 = 1.75 * 2^3: the upper half, three quarters in; times 2^-1.
    assert_eq!(segment(&unit_of(Mode::Root, 3), 14.0), 3.5);
    assert_eq!(segment(&unit_of(Mode::Root, 3), 7.0), 1.5);
    // Octaves 2^-7 to 2^3 of 8 segments, between a low and a high one; 82 for each sign.
    let unit = unit_of(Mode::Octaves, 3);
    assert_eq!(unit.size(), 164);
    assert_eq!(segment(&unit, 0.0078), 0.0);
    assert_eq!(segment(&unit, 0.007_812_5), 1.0);
    assert_eq!(segment(&unit, 7.99), 80.0);
    assert_eq!(segment(&unit, 8.0), 81.0);
    assert_eq!(segment(&unit, f32::NEG_INFINITY), 163.0);
    assert_eq!(segment(&unit, -0.0), 82.0);
}

#[test]
fn numbers_of_the_modes() {
    for (number, mode) in (0..).zip(Mode::ALL) {
        assert_eq!((mode.number(), Mode::from_number(number)), (number, Some(mode)));
    }
    assert_eq!(Mode::from_number(5), None);
}
