//! The rules against arithmetic on integers, written from IEEE-754 and not from the code.

use proptest::prelude::*;

use super::float::{add, flush, fma, from_int, is_scale, mul, rint};
use super::int;
use super::post::{Quant, Residual, add_residual, requantize, residual_offset, sign_extend};

/// Rounds `numerator * 2^exponent` to binary32, halves to even; zero gets `negative`'s sign.
/// Results below the normal range become zero.
fn round(negative: bool, mut magnitude: u128, mut exponent: i32, mut sticky: bool) -> u32 {
    let sign = u32::from(negative) << 31;
    if magnitude == 0 {
        return sign;
    }
    while magnitude < 1 << 25 {
        magnitude <<= 1;
        exponent -= 1;
    }
    while magnitude >= 1 << 26 {
        sticky |= magnitude & 1 == 1;
        magnitude >>= 1;
        exponent += 1;
    }
    // 26 bits: 24 of the result, a half and a quarter.
    let (mut result, rest) = (magnitude >> 2, magnitude & 3);
    if rest > 2 || rest == 2 && (sticky || result & 1 == 1) || rest == 3 {
        result += 1;
    }
    exponent += 2;
    if result == 1 << 24 {
        result >>= 1;
        exponent += 1;
    }
    let biased = exponent + 23 + 127;
    if biased <= 0 {
        return sign;
    }
    if biased >= 255 {
        return sign | 0x7f80_0000;
    }
    sign | (biased as u32) << 23 | (result as u32 & 0x7f_ffff)
}

/// Sign, magnitude and exponent of a finite number; subnormals are zero.
fn parts(bits: u32) -> (bool, u128, i32) {
    let exponent = (bits >> 23 & 255) as i32;
    let fraction = u128::from(bits & 0x7f_ffff);
    let magnitude = if exponent == 0 { 0 } else { fraction | 1 << 23 };
    (bits >> 31 == 1, magnitude, exponent - 127 - 23)
}

fn int_mul(a: u32, b: u32) -> u32 {
    let ((sa, ma, ea), (sb, mb, eb)) = (parts(a), parts(b));
    round(sa != sb, ma * mb, ea + eb, false)
}

fn int_add(a: u32, b: u32) -> u32 {
    exact_sum(parts(a), parts(b))
}

/// `n * s + c`; zero is +0.
fn int_fma(n: i32, s: u32, c: u32) -> u32 {
    let (negative, magnitude, exponent) = parts(s);
    let product = u128::from(n.unsigned_abs()) * magnitude;
    let sum = exact_sum((negative != (n < 0), product, exponent), parts(c));
    if sum << 1 == 0 { 0 } else { sum }
}

/// Sum of two numbers of at most 56 bits, rounded once.
fn exact_sum((sa, ma, ea): (bool, u128, i32), (sb, mb, eb): (bool, u128, i32)) -> u32 {
    if ma == 0 && mb == 0 {
        return u32::from(sa && sb) << 31;
    }
    let low = match (ma, mb) {
        (0, _) => eb,
        (_, 0) => ea,
        _ => ea.max(eb) - 60,
    };
    // What lies more than 60 bits below the larger operand only decides ties.
    let place = |m: u128, e: i32| {
        if e >= low {
            (m << (e - low), false)
        } else if low - e > 100 {
            (0, m != 0)
        } else {
            (m >> (low - e), m & ((1 << (low - e)) - 1) != 0)
        }
    };
    let ((pa, ra), (pb, rb)) = (place(ma, ea), place(mb, eb));
    if sa == sb {
        return round(sa, pa + pb, low, ra || rb);
    }
    if pa == pb && !ra && !rb {
        return 0;
    }
    let (negative, large, small, rest) =
        if pa > pb || pa == pb && ra { (sa, pa, pb, rb) } else { (sb, pb, pa, ra) };
    // A rest below the smaller one makes the difference a little less.
    if rest {
        round(negative, large - small - 1, low, true)
    } else {
        round(negative, large - small, low, false)
    }
}

fn int_rint(bits: u32) -> i32 {
    let (negative, magnitude, exponent) = parts(bits);
    if magnitude == 0 {
        return 0;
    }
    let integer = if exponent >= 0 {
        if exponent > 40 { 1 << 60 } else { magnitude << exponent }
    } else if exponent < -60 {
        0
    } else {
        let (whole, rest) = (magnitude >> -exponent, magnitude & ((1 << -exponent) - 1));
        let half = 1_u128 << (-exponent - 1);
        whole + u128::from(rest > half || rest == half && whole & 1 == 1)
    };
    let signed = if negative { -(integer as i128) } else { integer as i128 };
    signed.clamp(i128::from(i32::MIN), i128::from(i32::MAX)) as i32
}

fn finite() -> impl Strategy<Value = u32> {
    any::<u32>().prop_filter("finite", |bits| bits >> 23 & 255 != 255)
}

/// Numbers close to each other in magnitude, where additions round and cancel.
fn close() -> impl Strategy<Value = (u32, u32)> {
    (any::<u32>(), any::<u32>(), 60_u32..190, -30_i32..31).prop_map(|(a, b, e, d)| {
        let place = |bits: u32, e: u32| bits & 0x807f_ffff | e << 23;
        (place(a, e), place(b, (e as i32 + d).clamp(1, 254) as u32))
    })
}

fn scale() -> impl Strategy<Value = f32> {
    (any::<u32>(), 27_u32..191).prop_map(|(bits, e)| f32::from_bits(bits & 0x807f_ffff | e << 23))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn from_int_is_exactly_rounded(value: i32) {
        let magnitude = u128::from(value.unsigned_abs());
        prop_assert_eq!(from_int(value).to_bits(), round(value < 0, magnitude, 0, false));
    }

    #[test]
    fn mul_is_exactly_rounded(a in finite(), b in finite()) {
        let got = mul(f32::from_bits(a), f32::from_bits(b)).to_bits();
        // Just below the smallest normal number, rounding decides before flushing does.
        prop_assert_eq!(got, int_mul(a, b));
    }

    #[test]
    fn add_is_exactly_rounded((a, b) in close()) {
        let got = add(f32::from_bits(a), f32::from_bits(b)).to_bits();
        prop_assert_eq!(got, int_add(a, b), "{:#x} + {:#x}", a, b);
    }

    #[test]
    fn rint_rounds_half_to_even(bits in finite(), halves in -4000_i32..4000) {
        prop_assert_eq!(rint(f32::from_bits(bits)), int_rint(bits));
        let value = halves as f32 / 2.0;
        prop_assert_eq!(rint(value), int_rint(value.to_bits()));
        let wide = f32::from_bits(bits & 0x807f_ffff | (140 << 23));
        prop_assert_eq!(rint(wide), int_rint(wide.to_bits()));
    }

    #[test]
    fn requantization_is_four_rounded_steps(t: i32, s in scale(), zero in -128_i32..128) {
        let quant = Quant { zero, min: -128, max: 127 };
        let product = int_mul(round(t < 0, u128::from(t.unsigned_abs()), 0, false), s.to_bits());
        let expected = (i64::from(int_rint(product)) + i64::from(zero)).clamp(-128, 127);
        prop_assert_eq!(i64::from(requantize(t, s, quant)), expected);
    }

    #[test]
    fn fma_is_rounded_once(n: i16, s in scale(), c in scale(), near in -8_i32..9) {
        let product = mul(from_int(i32::from(n)), s);
        let close = f32::from_bits((-product).to_bits().wrapping_add_signed(near));
        for c in [c, close].into_iter().filter(|c| c.is_normal()) {
            let expected = int_fma(i32::from(n), s.to_bits(), c.to_bits());
            let got = fma(f32::from(n), s, c).to_bits();
            prop_assert_eq!(if got << 1 == 0 { 0 } else { got }, expected, "{} {:e} {:e}", n, s, c);
        }
    }

    #[test]
    fn residual_addition_is_two_rounded_steps(
        a in -128_i32..128, b in -128_i32..128, sa in 0.01_f32..4.0, sb in 0.01_f32..4.0,
        offset in -512_f32..512.0, a_is_inner: bool,
    ) {
        let [of_a, of_b] = [(a, sa.to_bits()), (b, sb.to_bits())];
        let (inner, outer) = if a_is_inner { (of_a, of_b) } else { (of_b, of_a) };
        let sum = int_fma(outer.0, outer.1, int_fma(inner.0, inner.1, offset.to_bits()));
        let expected = int_rint(sum).clamp(-100, 101);
        let residual =
            Residual { scale_a: sa, scale_b: sb, offset, a_is_inner, min: -100, max: 101 };
        prop_assert_eq!(add_residual(a, b, residual), expected);
    }

    /// Why the lane needs no infinities, NaNs or subnormals.
    #[test]
    fn legal_scales_stay_in_the_normal_range(
        t: i32, s in scale(), u: i16, r in scale(), offset in scale(), near in -8_i32..9,
    ) {
        prop_assert!(is_scale(s) && is_scale(r) && is_scale(offset));
        let u = f32::from(u);
        let close = f32::from_bits((-u * r).to_bits().wrapping_add_signed(near));
        let close = if is_scale(close) { close } else { offset };
        for value in [mul(from_int(t), s), fma(u, r, offset), fma(u, r, close)] {
            prop_assert!(value == 0.0 || value.is_normal(), "{value:e}");
            let last = fma(f32::from(t as i16), s, value);
            prop_assert!(last == 0.0 || last.is_normal(), "{last:e}");
        }
    }

    #[test]
    fn sign_extension_keeps_the_low_bits(value: u32, bits in 1_u32..33) {
        let extended = i64::from(sign_extend(value, bits));
        prop_assert_eq!((extended - i64::from(value)) % (1_i64 << bits), 0);
        prop_assert!(extended >= -(1 << (bits - 1)) && extended < 1 << (bits - 1));
    }
}

#[test]
fn limits_of_scales() {
    for legal in [0.0, -0.0, 1.0, -1.0, 2_f32.powi(-100), 1.999_999_9 * 2_f32.powi(63)] {
        assert!(is_scale(legal), "{legal:e}");
    }
    let subnormal = f32::from_bits(1);
    for illegal in [2_f32.powi(64), 2_f32.powi(-101), f32::NAN, f32::INFINITY, subnormal] {
        assert!(!is_scale(illegal), "{illegal:e}");
    }
    assert_eq!(flush(-subnormal).to_bits(), 0x8000_0000);
}

/// A number of the page: decimal, decimal with a point, or the bits of a binary32 number.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Number {
    Int(i32),
    Float(u32),
}

impl Number {
    fn parse(text: &str) -> Number {
        match text.strip_prefix("0x") {
            Some(bits) => Number::Float(u32::from_str_radix(bits, 16).unwrap()),
            None if text.contains('.') => Number::Float(text.parse::<f32>().unwrap().to_bits()),
            None => Number::Int(text.parse().unwrap()),
        }
    }

    fn int(self) -> i32 {
        match self {
            Number::Int(value) => value,
            Number::Float(_) => panic!("an integer is needed, {self:?} was given"),
        }
    }

    fn float(self) -> f32 {
        match self {
            Number::Float(bits) => f32::from_bits(bits),
            Number::Int(_) => panic!("a binary32 number is needed, {self:?} was given"),
        }
    }
}

fn evaluate(rule: &str, args: &[Number]) -> Number {
    let i = |n: usize| args[n].int();
    let f = |n: usize| args[n].float();
    let quant = |n: usize| Quant { zero: i(n), min: i(n + 1), max: i(n + 2) };
    let float = |value: f32| Number::Float(value.to_bits());
    match rule {
        "from_int" => float(from_int(i(0))),
        "mul" => float(mul(f(0), f(1))),
        "add" => float(add(f(0), f(1))),
        "fma" => float(fma(f(0), f(1), f(2))),
        "rint" => Number::Int(rint(f(0))),
        "requantize" => Number::Int(requantize(i(0), f(1), quant(2))),
        "biased" => Number::Int(super::post::biased(i(0), i(1))),
        "scaled" => float(super::post::scaled(i(0), f(1))),
        "residual" => {
            let (min, max, a_is_inner) = (i(5), i(6), args.get(7) == Some(&Number::Int(1)));
            let residual =
                Residual { scale_a: f(1), scale_b: f(3), offset: f(4), a_is_inner, min, max };
            Number::Int(add_residual(i(0), i(2), residual))
        }
        "residual_offset" => float(residual_offset((f(0), i(1)), (f(2), i(3)), i(4))),
        "lookup_index" => Number::Int(i32::from(super::post::lookup_index(i(0)))),
        "sign_extend" => Number::Int(sign_extend(i(0).cast_unsigned(), i(1).cast_unsigned())),
        "int_add" => Number::Int(int::add(i(0), i(1))),
        "int_sub" => Number::Int(int::sub(i(0), i(1))),
        "int_mul" => Number::Int(int::mul(i(0), i(1))),
        "int_abs" => Number::Int(int::abs(i(0))),
        "int_neg" => Number::Int(int::neg(i(0))),
        "int_shl" => Number::Int(int::shl(i(0), i(1))),
        "int_shr" => Number::Int(int::shr(i(0), i(1))),
        "int_shru" => Number::Int(int::shru(i(0), i(1))),
        _ => panic!("the page uses a rule `{rule}` that does not exist"),
    }
}

#[test]
fn the_page_is_right() {
    let page = include_str!("../../docs/numerics.md");
    let (mut inside, mut count) = (false, 0);
    let mut rules = std::collections::BTreeSet::new();
    for line in page.lines() {
        match line {
            "```example" => inside = true,
            "```" => inside = false,
            _ if inside => {
                let (left, right) = line.split_once(" = ").unwrap();
                let mut words = left.split(' ');
                let rule = words.next().unwrap();
                let args: Vec<Number> = words.map(Number::parse).collect();
                assert_eq!(evaluate(rule, &args), Number::parse(right), "{line}");
                rules.insert(rule);
                count += 1;
            }
            _ => {}
        }
    }
    assert_eq!((rules.len(), count), (20, 58));
}
